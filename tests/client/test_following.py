"""How a channel is followed: data of the type that was asked for, or a misfit."""

from dataclasses import dataclass

import pytest

from everywire.client.following import Following, HistoryLost, Misfit
from everywire.client.wire import Position, Publication


@dataclass
class Message:
    text: str


def test_data_is_given_as_its_type():
    found = Following(kind=Message).typed("c", Publication({"text": "hi"}, offset=3))
    assert found == Publication(Message("hi"), offset=3)
    assert Following().typed("c", Publication(7)).data == 7


def test_what_does_not_fit_is_a_misfit():
    publication = Publication({"txet": "hi"})
    misfit = Following(kind=Message).typed("c", publication)
    assert isinstance(misfit, Misfit)
    assert misfit.publication is publication
    assert "c: " in str(misfit)


def test_what_is_removed_has_no_data():
    removed = Publication(None, entry="x", removed=True)
    assert Following(kind=Message).typed("c", removed) is removed


def test_binary_data_comes_as_text_over_json():
    @dataclass
    class Picture:
        pixels: bytes

    for said in ("AP8=", b"\x00\xff"):
        assert Following(kind=Picture).typed("c", Publication({"pixels": said})).data == Picture(b"\x00\xff")


@pytest.mark.parametrize(("since", "said"), [(Position("e", 4), "after offset 4"), (None, "some publications")])
def test_a_loss_says_where(since, said):
    assert said in str(HistoryLost("c", since))


async def _coroutine(publication):
    pass


@pytest.mark.parametrize(
    ("wrong", "error", "said"),
    [
        ({"policy": "latest"}, TypeError, r"policy is a Policy, as Policy\(.*, not 'latest'"),
        ({"since": 3}, TypeError, "since is a Position"),
        ({"rewind": "10"}, TypeError, "rewind is a whole number"),
        ({"rewind": -1}, ValueError, "rewind is at least 0"),
        ({"rewind_from": 1.5}, TypeError, "rewind_from, in milliseconds since 1970, is a whole number"),
        ({"max_queue": 0}, ValueError, "max_queue is at least 1"),
        ({"on_publication": _coroutine}, TypeError, "on_publication is a plain function"),
        ({"on_lost": 5}, TypeError, "on_lost is a plain function"),
        ({"kind": 5}, TypeError, "type is what the data is read as"),
    ],
)
def test_a_wrong_option_is_said_at_once(wrong, error, said):
    with pytest.raises(error, match=said):
        Following(**wrong)
