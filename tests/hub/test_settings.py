"""Settings and their defaults, which documents and clients rely on."""

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
    assert (settings.finish_grace, settings.max_unfinished) == (5, 10_000)
    assert (settings.max_credit, settings.stream_window, settings.max_stream_bytes) == (65536, 16, 4194304)
