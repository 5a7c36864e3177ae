"""Options that a dataclass has: on a command, and written down for another process."""

from dataclasses import dataclass

import click
import pytest
from click.testing import CliRunner

from everywire.cli.options import given_by_hand, with_options, written


@dataclass(frozen=True)
class Way:
    """What the command below may be told."""

    mode: str = "auto"
    root_path: str = ""
    loud: bool = False
    most: int | None = None


def taken(*arguments, environment=None, file=None):
    """Give what a command makes of its arguments: the options, what it would write down of them, and its help."""
    found = []

    def command(**given):
        way = Way(**given)
        found.append((way, written(way), [name for name in given if given_by_hand(name)]))

    options = [click.option("--mode", default="auto"), click.option("--root-path", default="")]
    options += [click.option("--loud", is_flag=True), click.option("--most", type=int)]
    made = click.command(context_settings={"auto_envvar_prefix": "TRY"})(with_options(command, options))
    result = CliRunner().invoke(made, arguments, env=environment, default_map=file)
    assert result.exit_code == 0, result.output
    return found[0]


def test_options_are_there_in_their_order():
    made = click.command()(with_options(lambda **_: None, [click.option("--b"), click.option("--a")]))
    assert [each.name for each in made.params] == ["b", "a"]


@pytest.mark.parametrize("said", [[], ["--mode", "off", "--root-path", "/x y"], ["--loud", "--most", "3"]])
def test_what_was_said_is_written_down(said):
    assert taken(*said)[1] == said


def test_what_a_file_or_the_environment_said_is_written_down():
    way, again, _ = taken(environment={"TRY_MOST": "3"}, file={"mode": "off"})
    assert taken(*again)[0] == way == Way(mode="off", most=3)


def test_a_default_that_was_said_by_hand_is_written_down_as_the_environment_may_say_otherwise():
    outside = {"environment": {"TRY_MODE": "off"}}
    way, again, by_hand = taken("--mode", "auto", **outside)
    assert (way, by_hand) == (Way(), ["mode"])
    assert taken(*again, **outside)[0] == Way()


def test_some_are_left_out():
    assert written(Way(mode="off", most=3), but=("mode",)) == ["--most", "3"]


def test_nothing_is_given_by_hand_where_no_command_runs():
    assert given_by_hand("mode") is False
    assert written(Way()) == []
