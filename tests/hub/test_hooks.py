"""What an application gives the hub begins empty."""

from everywire.hub.hooks import Hooks


def test_hooks_are_not_shared():
    one, two = Hooks(), Hooks()
    one.handlers["x"] = lambda member, data: data
    assert two.handlers == {}
    assert two.connect is None


def test_a_space_may_have_hooks_of_its_own():
    hooks, others = Hooks(), Hooks()
    assert hooks.of("") is hooks.of("/admin") is hooks
    hooks.spaces["/admin"] = others
    assert (hooks.of("/admin"), hooks.of("")) == (others, hooks)
