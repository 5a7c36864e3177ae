"""What applications give: wrong types are said at once, by name."""

from typing import Any

import pytest

from everywire.client import given
from everywire.client.wire import Policy, Position


@pytest.mark.parametrize(
    ("check", "error", "said"),
    [
        (lambda: given.text("entry", 7), TypeError, "entry is text, not 7"),
        (lambda: given.number("a", True), TypeError, "a is a number, not True"),
        (lambda: given.number("a", 0), ValueError, "a is more than 0, not 0"),
        (lambda: given.number("a", -1, positive=False), ValueError, "a is not negative, not -1"),
        (lambda: given.number("a", float("nan"), positive=False), ValueError, "nan"),
        (lambda: given.count("a", 1.0), TypeError, "a is a whole number, not 1.0"),
        (lambda: given.count("a", 0, 1), ValueError, "a is at least 1, not 0"),
        (lambda: given.milliseconds("a", float("inf")), ValueError, "a is a number of seconds with an end, not inf"),
        (lambda: given.names("a", "poll", "names"), TypeError, "a is a sequence of names, not 'poll'"),
        (lambda: given.names("a", [1], "names"), TypeError, "a is a sequence of names"),
        (lambda: given.callback("a", "print"), TypeError, "a is a plain function, not 'print'"),
        (lambda: given.choice(policy="latest"), TypeError, r"policy is a Policy, as Policy\(.*, not 'latest'"),
        (lambda: given.choice(policy=Policy("latest", float("inf"))), ValueError, "interval is .* with an end"),
        (lambda: given.choice(since=3), TypeError, "since is a Position"),
        (lambda: given.only("f", {"b": 1}, ["a"]), TypeError, "f has no option b; it has a"),
        (lambda: given.source(5), TypeError, "items is an iterator"),
        (
            lambda: given.way("Client", {"headers": {}}),
            TypeError,
            "Client: headers is an option of the connection: connect={'headers': …}",
        ),
        (lambda: given.shape(5), TypeError, "type is what the data is read as, .* not 5"),
    ],
)
def test_what_is_wrong_is_named(check, error, said):
    with pytest.raises(error, match=said):
        check()


def test_an_async_callback_is_refused_as_nobody_would_await_it():
    async def heard(publication):
        pass

    with pytest.raises(TypeError, match="on_publication is a plain function"):
        given.callback("on_publication", heard)


def test_what_is_right_passes():
    given.text("a", None, none=True)
    given.number("a", None, none=True)
    given.number("a", 0, positive=False)
    given.count("a", 0)
    given.names("a", ("x",), "names")
    given.callback("a", print)
    given.choice(Policy("sample", 1), Position("e", 0))
    given.source(range(3))
    given.shape(Any)
    given.shape(list[int])
    assert given.milliseconds("a", None) is None
    assert given.milliseconds("a", 0.0001) == 0
    assert given.milliseconds("a", 0.0001, positive=True) == 1
    assert given.milliseconds("a", 1.5) == 1500
