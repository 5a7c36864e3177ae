"""What a client is told when its command was not carried out."""

from types import FunctionType, SimpleNamespace

import pytest

from everywire.errors import Refused
from everywire.hub.hooks import Hooks
from everywire.hub.refusing import refusal
from everywire.messages import Raw, Refusal
from everywire.metrics import Metrics


@pytest.fixture
def hub():
    return SimpleNamespace(metrics=Metrics(), hooks=Hooks())


def test_a_polite_no_is_told_as_it_is(hub):
    no = Refused("full", 1000, temporary=True, data={"free": 0})
    assert refusal(hub, "Join", 5, no) == Refusal(5, 1000, "full", temporary=True, data=Raw(b'{"free":0}'))
    assert refusal(hub, "Join", 5, Refused("no")) == Refusal(5, 103, "no")
    assert hub.metrics.refusals == 2


def test_what_is_binary_in_it_is_told_as_base64(hub):
    assert refusal(hub, "Join", 5, Refused("no", data=b"x")).data == Raw(b'"eA=="')


@pytest.mark.parametrize("error", [ValueError("secret"), Refused("no", data=object())])
def test_anything_else_is_ours(hub, error, caplog):
    assert refusal(hub, "Join", 5, error) == Refusal(5, 100, "internal error", temporary=True)
    assert hub.metrics.refusals == 0
    assert "Join failed" in caplog.text
    assert "Traceback" in caplog.text or "Error" in caplog.text


def test_the_log_shows_the_code_that_failed_without_the_way_to_it(hub, caplog):
    def way():
        application()

    def application():
        raise ValueError("wrong")

    of_ours = FunctionType(way.__code__, {"__name__": "everywire.hub.way"}, closure=way.__closure__)
    try:
        FunctionType(of_ours.__code__, {"__name__": "concurrent.futures"}, closure=of_ours.__closure__)()
    except ValueError as error:
        error.__traceback__ = error.__traceback__.tb_next
        refusal(hub, "Join", 5, error)
    assert "in application" in caplog.text
    assert "in way" not in caplog.text
