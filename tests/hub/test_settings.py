"""Settings and their defaults, which documents and clients rely on."""

from everywire.hub.settings import Settings


def test_the_defaults_are_the_documented_ones():
    settings = Settings()
    assert (settings.linger, settings.connect_deadline, settings.max_channels, settings.max_name) == (10, 10, 128, 255)
    assert (settings.max_data, settings.max_info) == (65536, 1024)
    assert (settings.max_page, settings.max_page_bytes, settings.max_pages) == (1000, 262144, 16)
    assert (settings.heartbeat.every, settings.heartbeat.patience) == (25, 10)
