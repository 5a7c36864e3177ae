"""What an application gives the hub begins empty."""

from everywire.hub.hooks import Hooks


def test_hooks_are_not_shared():
    one, two = Hooks(), Hooks()
    one.handlers["x"] = lambda member, data: data
    assert two.handlers == {}
    assert two.connect is None
