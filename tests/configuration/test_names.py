"""Which settings there are, and what they are called where."""

from everywire import Options
from everywire.cli import commands
from everywire.configuration import COMMANDS, SECTIONS
from everywire.configuration.names import LEAVES, Leaf, dotted, hint, leaves, usual, variable
from everywire.hub.access.rates import Rate
from everywire.hub.settings import Settings


def test_each_field_of_the_settings_is_one():
    assert {name[1] for name in LEAVES if name[0] == "hub"} == set(Settings.__dataclass_fields__)


def test_functions_and_what_goes_with_them_are_none():
    named = {name[1] for name in leaves(Options, ("server",))}
    assert set(Options.__dataclass_fields__) - named == {"select_subprotocol", "streamed_bodies"}


def test_what_has_parts_may_be_none_as_a_whole_where_it_may_be_none():
    assert LEAVES["hub", "commands"] == Leaf(Rate, optional=True)
    assert LEAVES["hub", "commands", "burst"] == Leaf(float)
    assert ("hub", "heartbeat") not in LEAVES


def test_a_name_is_written_as_a_file_has_it_and_as_the_environment_has_it():
    assert dotted(("hub", "heartbeat", "every")) == "hub.heartbeat.every"
    assert variable(("hub", "heartbeat", "every")) == "EVERYWIRE_HUB__HEARTBEAT__EVERY"


def test_the_nearest_name_is_known():
    assert hint(("hub", "max_chanels")) == ("hub", "max_channels")
    assert hint(("zebra",)) is None


def test_what_an_application_usually_has_is_not_what_a_server_has():
    assert (usual("server").slow_code, Options().slow_code) == (4413, 1008)
    assert {*SECTIONS} == {"hub", "http", "server"}


def test_each_command_may_have_options_in_a_file():
    assert sorted(commands.commands) == sorted(COMMANDS)
