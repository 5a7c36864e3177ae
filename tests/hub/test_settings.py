"""Settings and their defaults, which documents and clients rely on."""

import pytest

from everywire.hub.settings import Settings


def test_the_defaults_are_the_documented_ones():
    settings = Settings()
    assert (settings.linger, settings.connect_deadline, settings.max_channels, settings.max_name) == (10, 10, 128, 255)
    assert (settings.max_data, settings.max_info) == (65536, 1024)
    assert (settings.max_page, settings.max_page_bytes, settings.max_pages) == (1000, 262144, 16)
    assert (settings.heartbeat.every, settings.heartbeat.patience) == (25, 10)
    assert (settings.call_deadline, settings.answer_deadline, settings.max_calls, settings.max_asked) == (
        60,
        10,
        64,
        64,
    )
    assert (settings.finish_grace, settings.max_unfinished, settings.hold_deadline) == (5, 10_000, 5)
    assert (settings.max_credit, settings.stream_window, settings.max_stream_bytes) == (65536, 16, 4194304)
    assert (settings.round_deadline, settings.max_gathered, settings.max_gathered_bytes) == (5, 10_000, 16777216)


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"max_data": -1}, ValueError, "max_data is a number and not negative, not -1"),
        ({"linger": float("nan")}, ValueError, "linger is a number"),
        ({"linger": None}, ValueError, "linger is a number"),
        ({"max_page": True}, ValueError, "max_page is a number"),
        ({"call_deadline": "60"}, ValueError, "call_deadline is a number"),
        ({"commands": 5}, TypeError, r"commands is a Rate\(per_second, burst\), or None"),
        ({"check_every": 0}, ValueError, "check_every is 0: a number above 0 is needed"),
        ({"max_name": 0}, ValueError, "max_name is 0: a whole number of 1 or more is needed"),
        ({"stream_window": 8}, ValueError, "stream_window is 16 at least"),
        ({"heartbeat": 25}, TypeError, r"heartbeat is a Heartbeat\(every, patience\)"),
        (
            {"trusted_proxies": ("localhost",)},
            ValueError,
            r"trusted_proxies: 'localhost' does not .*; they are addresses",
        ),
        ({"trusted_proxies": "10.0.0.0/8"}, TypeError, r"trusted_proxies are several: \('10.0.0.0/8',\)"),
    ],
)
def test_what_makes_no_sense_is_an_error_at_once(options, error, words):
    with pytest.raises(error, match=words):
        Settings(**options)


def test_no_limit_and_nothing_at_all_make_sense():
    settings = Settings(call_deadline=None, commands=None, max_page=0, linger=0)
    assert (settings.call_deadline, settings.commands, settings.max_page, settings.linger) == (None, None, 0, 0)
