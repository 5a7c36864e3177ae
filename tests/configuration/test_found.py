"""Arguments before the environment, that before a file, that before what is usual."""

import pytest

from everywire import Options
from everywire.configuration import Configuration
from everywire.configuration.names import LEAVES, usual, variable
from everywire.errors import SettingError
from everywire.http.head import HeadLimits
from everywire.hub.access.rates import Rate
from everywire.hub.settings import Settings
from everywire.messages import Heartbeat


@pytest.fixture
def found(tmp_path):
    (tmp_path / "everywire.toml").write_text(
        "log = 'error'\n[hub]\nlinger = 1\nlease = 2\nmax_data = 10\nreceived = 'none'\n[server]\nmax_size = 99\n"
    )
    variables = {
        "EVERYWIRE_HUB__LINGER": "4",
        "EVERYWIRE_HUB__MAX_DATA": "20",
        "EVERYWIRE_HUB__HEARTBEAT__EVERY": "7",
        "EVERYWIRE_HUB__COMMANDS__BURST": "8",
        "EVERYWIRE_SERVER__PING_INTERVAL": "none",
        "EVERYWIRE_LOG": "debug",
    }
    return Configuration.found(variables, tmp_path)


def test_arguments_win_over_the_environment_and_that_over_the_file(found):
    settings = found.filled("hub", Settings(max_data=30))
    assert (settings.max_data, settings.linger, settings.lease, settings.max_name) == (30, 4.0, 2.0, 255)
    assert found.value("log") == "debug"
    assert found.value("broker") is None


def test_parts_are_said_by_themselves(found):
    settings = found.filled("hub", Settings(heartbeat=Heartbeat(patience=3)))
    assert settings.heartbeat == Heartbeat(7, 3)
    assert settings.commands == Rate(5_000, 8)
    assert settings.received is None
    assert found.filled("hub", Settings(commands=None)).commands is None


def test_options_by_name_are_kept_as_they_are(found):
    assert found.options("server", {"max_size": None}) == {"max_size": None, "ping_interval": None}
    assert found.options("server", {}) == {"max_size": 99, "ping_interval": None}


def test_parts_are_said_of_what_is_the_default_elsewhere(tmp_path):
    found = Configuration.found({"EVERYWIRE_SERVER__HEAD_LIMITS__FIELDS": "9"}, tmp_path)
    default = Options(head_limits=HeadLimits(body=1 << 40))
    assert found.options("server", {}, default) == {"head_limits": HeadLimits(body=1 << 40, fields=9)}
    found = Configuration.found({"EVERYWIRE_SERVER__HEAD_LIMITS__BODY": "9"}, tmp_path)
    assert found.options("server", {}, default) == {"head_limits": HeadLimits(body=9)}
    assert found.options("server", {"head_limits": HeadLimits()}, default) == {"head_limits": HeadLimits()}


def test_the_environment_says_a_part_of_what_the_file_has_none_of(tmp_path):
    (tmp_path / "everywire.toml").write_text("[hub]\nreceived = 'none'\n")
    found = Configuration.found({"EVERYWIRE_HUB__RECEIVED__BURST": "9"}, tmp_path)
    assert found.filled("hub", Settings()).received == Rate(8 << 20, 9)


@pytest.mark.parametrize(
    ("variables", "error"),
    [
        ({"EVERYWIRE_HUB__LINGER": "-1"}, "EVERYWIRE_HUB__LINGER: settings: linger is a number and not negative"),
        ({"EVERYWIRE_HUB__STREAM_WINDOW": "3"}, "EVERYWIRE_HUB__STREAM_WINDOW: settings: stream_window is 16"),
        (
            {"EVERYWIRE_SERVER__COMPRESSION__SERVER_WINDOW": "8"},
            "EVERYWIRE_SERVER__COMPRESSION__SERVER_WINDOW: a deflate",
        ),
        (
            {"EVERYWIRE_HUB__TRUSTED_PROXIES": "localhost"},
            "EVERYWIRE_HUB__TRUSTED_PROXIES: settings: trusted_proxies: 'localhost' does not appear to be an IPv4",
        ),
        (
            {"EVERYWIRE_SERVER__ORIGINS": "http://localhost:3000,shop.example"},
            "EVERYWIRE_SERVER__ORIGINS: 'shop.example' is no origin; write it as browsers do: https://shop.example$",
        ),
        (
            {"EVERYWIRE_HTTP__ORIGINS": "http://Shop.example/"},
            "EVERYWIRE_HTTP__ORIGINS: 'http://Shop.example/' is no origin; write it as browsers do: http://shop.example$",
        ),
        ({"EVERYWIRE_HUB__COMMANDS__BURST": "0"}, "EVERYWIRE_HUB__COMMANDS__BURST: a rate is more than nothing"),
        (
            {"EVERYWIRE_SERVER__MAX_SIZE": "-3"},
            "EVERYWIRE_SERVER__MAX_SIZE: max_size is -3: a whole number of 1 or more, or",
        ),
        (
            {"EVERYWIRE_SERVER__PING_INTERVAL": "0"},
            "EVERYWIRE_SERVER__PING_INTERVAL: ping_interval is 0.0: a number above 0",
        ),
        (
            {"EVERYWIRE_SERVER__SLOW_CODE": "7"},
            "EVERYWIRE_SERVER__SLOW_CODE: slow_code is 7: a close code that may be sent",
        ),
        ({"EVERYWIRE_HUB__HEARTBEAT__EVERY": "0"}, "EVERYWIRE_HUB__HEARTBEAT__EVERY: a heartbeat: every is 0.0"),
    ],
)
def test_a_value_that_makes_no_sense_names_its_place(tmp_path, variables, error):
    with pytest.raises(SettingError, match=f"^{error}"):
        Configuration.found(variables, tmp_path)


def test_no_number_of_a_limit_may_be_negative(tmp_path):
    for name, leaf in LEAVES.items():
        if leaf.type in (int, float):
            with pytest.raises(SettingError, match=f"^{variable(name)}: "):
                Configuration.found({variable(name): "-1"}, tmp_path)


def test_times_that_do_not_go_together_name_who_said_them(tmp_path):
    found = Configuration.found({"EVERYWIRE_HUB__HEARTBEAT__EVERY": "5"}, tmp_path)
    assert found.hub(Settings(heartbeat=Heartbeat(patience=2))).heartbeat == Heartbeat(5, 2)
    with pytest.raises(
        SettingError, match=r"^EVERYWIRE_HUB__HEARTBEAT__EVERY: a heartbeat's patience is between 0 and .* 5$"
    ):
        found.hub(Settings())
    both = {"EVERYWIRE_HUB__HEARTBEAT__EVERY": "5", "EVERYWIRE_HUB__HEARTBEAT__PATIENCE": "9"}
    with pytest.raises(
        SettingError, match=r"^EVERYWIRE_\w+__EVERY and EVERYWIRE_\w+__PATIENCE: a heartbeat's patience"
    ):
        Configuration.found(both, tmp_path).hub(Settings())
    with pytest.raises(SettingError, match=r"^a heartbeat's patience"):
        Configuration().hub(Settings(heartbeat=Heartbeat(5, 5)))


def test_origins_are_as_browsers_say_them(tmp_path):
    said = "*, https://shop.example, http://[::1]:8000, capacitor://localhost"
    found = Configuration.found({"EVERYWIRE_SERVER__ORIGINS": said}, tmp_path)
    assert found.options("server", {}) == {"origins": tuple(said.split(", "))}


def test_where_nothing_is_said_all_is_as_usual(tmp_path):
    found = Configuration.found({}, tmp_path)
    assert found == Configuration()
    assert all(found.filled(section, usual(section)) == usual(section) for section in ("hub", "http", "server"))
