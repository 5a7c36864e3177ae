"""Hubs of an application: what may be declared, and what is told of what may not."""

import pytest

from everywire import Everywire
from everywire.signalr import Hub, HubContext


class Chat(Hub):
    pass


def test_a_hub_gives_what_speaks_to_its_clients_and_handlers_give_nothing():
    app = Everywire()
    assert isinstance(app.signalr("/chat", Chat, detailed_errors=True, stateful=False), HubContext)
    assert app.signalr("/plain") is None
    assert app.hooks.parts.keys() == {"/chat"}


def test_what_is_for_hubs_needs_one():
    with pytest.raises(TypeError, match="signalr at '/chat': no option 'authorize'"):
        Everywire().signalr("/chat", authorize=True)
    with pytest.raises(TypeError, match="no option 'detailed'; did you mean 'detailed_errors'"):
        Everywire().signalr("/chat", Chat, detailed=True)


def test_what_says_something_needs_the_application_to_run():
    context = Everywire().signalr("/chat", Chat)
    with pytest.raises(Exception, match="the application is not running"):
        context.clients.all.send("x")
