"""Finding what handles an event."""

import pytest

from everywire.socketio.handlers import Handlers


def test_what_is_named_goes_before_what_is_not():
    handlers = Handlers()
    for namespace, event in (("/", "f"), ("/", "*"), ("*", "f"), ("*", "*")):
        handlers.add(namespace, event, lambda *args, which=(namespace, event): which)
    found = {(n, e): handlers.find(n, e) for n in ("/", "/x") for e in ("f", "g", "connect")}
    assert found["/", "f"].before == ()
    assert found["/", "g"].before == ("g",)
    assert found["/x", "f"].before == ("/x",)
    assert found["/x", "g"].before == ("g", "/x")
    assert found["/", "connect"] is found["/x", "connect"] is None
    assert handlers.events == {"f", "*"}


def test_how_many_arguments_fit():
    handlers = Handlers()
    handlers.add("/", "f", lambda sid, a, b=1: None)
    handlers.add("/", "*", lambda event, sid: None)
    one, other = handlers.find("/", "f"), handlers.find("/", "other")
    assert [one.takes(count) for count in (1, 2, 3, 4)] == [False, True, True, False]
    assert [other.takes(count) for count in (1, 2)] == [True, False]


@pytest.mark.parametrize(("event", "function"), [("", print), (None, print), ("f", 1)])
def test_what_is_no_handler(event, function):
    with pytest.raises(TypeError):
        Handlers().add("/", event, function)
