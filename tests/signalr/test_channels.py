"""Groups as channels: declared ones by their names, others of the hub's own."""

import pytest

from everywire.hub.kinds import ChannelKind, Kinds
from everywire.signalr.channels import Channels


@pytest.fixture
def kinds():
    kinds = Kinds()
    kinds.add(ChannelKind("room:{name}"))
    kinds.add(ChannelKind("lobby"))
    return kinds


def test_a_group_that_is_declared_is_that_channel_and_another_is_the_hubs_own(kinds):
    chat, game = Channels("/chat", kinds), Channels("/game", kinds)
    for channels in (chat, game):
        for pattern in channels.patterns:
            kinds.add(ChannelKind(pattern))
    assert chat.group("room:tea") == game.group("room:tea") == "room:tea"
    assert chat.group("lobby") == "lobby"
    assert (chat.group("tea"), game.group("tea")) == ("hub/chat:group:tea", "hub/game:group:tea")


def test_no_group_is_a_channel_of_all_or_of_a_user(kinds):
    chat = Channels("/chat", kinds)
    for pattern in chat.patterns:
        kinds.add(ChannelKind(pattern))
    assert chat.group(chat.everybody) == "hub/chat:group:hub/chat"
    assert chat.group(chat.user("ada")) == "hub/chat:group:hub/chat%3Auser%3Aada"


def test_what_a_channels_name_cannot_have_is_written_otherwise(kinds):
    chat = Channels("/chat", kinds)
    assert chat.group("a:b*c>d%e\n") == "hub/chat:group:a%3Ab%2Ac%3Ed%25e%0A"
    assert chat.user("ada:love") == "hub/chat:user:ada%3Alove"
    assert chat.group("Tee & Ü") == "hub/chat:group:Tee & Ü"


def test_groups_may_be_channels_of_a_pattern(kinds):
    chat = Channels("/chat", kinds, "room:{group}")
    assert chat.group("tea") == "room:tea"
    assert chat.group("a:b") == "room:a%3Ab"


@pytest.mark.parametrize("pattern", ["room", "{group}{group}", "room:{name}"])
def test_a_pattern_names_the_group(kinds, pattern):
    with pytest.raises(ValueError, match="groups say which channel a group is"):
        Channels("/chat", kinds, pattern)


@pytest.mark.parametrize(("name", "error"), [(5, TypeError), ("", ValueError)])
def test_a_groups_name_is_a_text(kinds, name, error):
    with pytest.raises(error, match="a group's name is"):
        Channels("/chat", kinds).group(name)
