"""Variables that are nearly settings, told from those of others."""

import pytest

from everywire.configuration.misnamed import meant, orchestrated
from everywire.configuration.names import LEAVES, SECTIONS


@pytest.mark.parametrize(
    ("name", "variables"),
    [
        ("hub_linger", ["EVERYWIRE_HUB__LINGER"]),
        ("hub_lingr", ["EVERYWIRE_HUB__LINGER"]),
        ("linger", ["EVERYWIRE_HUB__LINGER"]),
        ("lingr", ["EVERYWIRE_HUB__LINGER"]),
        ("linger_file", ["EVERYWIRE_HUB__LINGER_FILE"]),
        ("origins", ["EVERYWIRE_HTTP__ORIGINS", "EVERYWIRE_SERVER__ORIGINS"]),
        ("hub_heartbeat_every", ["EVERYWIRE_HUB__HEARTBEAT__EVERY"]),
        ("heartbeat_every", ["EVERYWIRE_HUB__HEARTBEAT__EVERY"]),
        ("server_linger", ["EVERYWIRE_HUB__LINGER"]),
        ("http_max_size_file", ["EVERYWIRE_SERVER__MAX_SIZE_FILE"]),
    ],
)
def test_an_underscore_or_a_section_that_is_missing_is_found(name, variables):
    assert meant(name) == variables


def test_every_setting_is_found_by_single_underscores():
    for leaf in LEAVES:
        if leaf[0] in SECTIONS:
            assert f"EVERYWIRE_{'__'.join(leaf)}".upper() in meant("_".join(leaf))


@pytest.mark.parametrize(
    "name",
    [
        *("test_require", "testbed", "pure", "require_native", "engine", "chromium", "node", "java", "python27", "schedules"),
        *("signalr_suite", "socketio_suites", "sockjs_suite", "config", "worker", "authority", "reload_fds", "drive_h"),
        *("run_port", "run_history", "publish_key", "top_url", "hub", "http", "server", "version", "image", "tag", "replicas"),
        *("host", "url", "domain", "user", "token", "key", "hub_url", "hub_name", "server_url", "server_name", "http_proxy"),
    ],
)  # fmt: skip
def test_what_is_others_is_left_alone(name):
    assert meant(name) == []


@pytest.mark.parametrize("name", ["port", "service_host", "service_port_http", "hub_port", "hub_port_80_tcp_addr"])
def test_what_an_orchestrator_says_of_a_service_is_left_alone(name):
    assert orchestrated(name)
    assert meant(name) == []
    assert not orchestrated("hub_linger")
