"""How an application serves the Admin UI."""

import pytest

from everywire.ops.instrument import Channels, Instrument


def nobody(shown):
    return False


def test_by_default_much_is_told():
    assert Instrument(check=nobody).verbose
    assert not Instrument(check=nobody, mode="production").verbose
    assert "hidden" not in repr(Instrument(check=nobody, seal="hidden"))


@pytest.mark.parametrize(
    "option",
    [
        {"mode": "debug"},
        {"namespace": "admin"},
        {"namespace": "/"},
        {"server_stats_interval": 0},
        {"server_stats_interval": float("nan")},
        {"server_stats_interval": float("inf")},
        {"max_events": -1},
        {"max_clients": -1},
        {"session_ttl": -1},
    ],
)
def test_what_makes_no_sense(option):
    with pytest.raises(ValueError, match="instrument"):
        Instrument(check=nobody, **option)


def test_channels_are_rooms_by_their_names():
    assert (Channels().channel("/", "room:a"), Channels().room("/", "room:a")) == ("room:a", "room:a")
