"""Groups as channels: of the hub's own, or those that the application says."""

import pytest

from everywire.signalr.channels import Channels


def test_each_hub_has_groups_of_its_own():
    assert Channels("/chat").group("tea") == "hub/chat:group:tea"
    assert Channels("/game").group("tea") == "hub/game:group:tea"


@pytest.mark.parametrize("groups", [None, "{group}"])
def test_no_group_is_a_hubs_channel_of_all_of_a_user_or_of_another_group(groups):
    chat, game = Channels("/chat", groups), Channels("/game", groups)
    for name in (chat.everybody, chat.user("ada"), "hub/chat:group:tea"):
        assert game.group(name).startswith("hub/game:group:hub/chat")
        assert chat.group(name).startswith("hub/chat:group:hub/chat")


def test_what_a_channels_name_cannot_have_is_written_otherwise():
    chat = Channels("/chat")
    assert chat.group("a:b*c>d%e\n") == "hub/chat:group:a%3Ab%2Ac%3Ed%25e%0A"
    assert chat.user("ada:love") == "hub/chat:user:ada%3Alove"
    assert chat.group("Tee & Ü") == "hub/chat:group:Tee & Ü"


def test_groups_may_be_channels_of_a_pattern():
    chat = Channels("/chat", "room:{group}")
    assert chat.group("tea") == "room:tea"
    assert chat.group("a:b") == "room:a%3Ab"


def test_groups_may_be_the_channels_of_the_same_names():
    assert Channels("/chat", "{group}").group("room:tea") == "room:tea"


@pytest.mark.parametrize("pattern", ["room", "{group}{group}", "room:{name}", ""])
def test_a_pattern_names_the_group(pattern):
    with pytest.raises(ValueError, match="groups say which channel a group is"):
        Channels("/chat", pattern)


@pytest.mark.parametrize(("name", "error"), [(5, TypeError), ("", ValueError)])
def test_a_groups_name_is_a_text(name, error):
    with pytest.raises(error, match="a group's name is"):
        Channels("/chat").group(name)
