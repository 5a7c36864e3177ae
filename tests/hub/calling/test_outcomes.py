"""What became of a call to a client, told from node to node."""

import msgspec
import pytest

from everywire import messages as m
from everywire.errors import Declined, EverywireError, Refused, SessionGone
from everywire.hub.calling.outcomes import Outcome, outcome

ANSWERS = [
    m.Answer(7, m.Raw(b"[1]")),
    m.Answer(7, m.Packed(b"\xc4\x01x")),
    m.Answer(7, m.Raw(b"[1,2]"), positional=True),
]


def travelled(came):
    """Give what another node reads of it."""
    return msgspec.msgpack.decode(msgspec.msgpack.encode(outcome(came)), type=Outcome).read(7)


@pytest.mark.parametrize("answer", ANSWERS, ids=["text", "packed", "several"])
def test_an_answer_arrives_as_it_was(answer):
    found = travelled(answer)
    assert (found, type(found.data)) == (answer, type(answer.data))


@pytest.mark.parametrize("no", [Declined("no", 400), Refused("too many", 108, temporary=True), TimeoutError("late")])
def test_a_no_arrives_as_it_was(no):
    found = travelled(no)
    assert (type(found), str(found), getattr(found, "code", 0)) == (type(no), str(no), getattr(no, "code", 0))


def test_a_client_that_is_gone_is_gone():
    assert isinstance(travelled(SessionGone("anything")), SessionGone)


def test_what_failed_here_is_logged_here_and_is_no_business_of_others(caplog):
    found = travelled(RuntimeError("secret"))
    assert (type(found), "secret" in str(found), "secret" in caplog.text) == (EverywireError, False, True)
