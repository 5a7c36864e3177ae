"""The command line as a whole; each command has its tests in tests/cli."""

import pytest
from click.testing import CliRunner

import everywire
from everywire.cli import commands


def test_the_version():
    result = CliRunner().invoke(commands, ["--version"])
    assert result.output == f"everywire, version {everywire.__version__}\n"


def test_the_help_names_every_command():
    output = CliRunner().invoke(commands, ["--help"]).output
    for name in commands.commands:
        assert f"\n  {name} " in output


@pytest.mark.parametrize("columns", [80, 100])
def test_the_summaries_are_whole(columns):
    output = CliRunner().invoke(commands, ["--help"], terminal_width=columns).output
    for command in commands.commands.values():
        assert f" {command.short_help}\n" in output


@pytest.mark.parametrize("name", sorted(commands.commands))
def test_every_command_teaches_with_an_example(name):
    result = CliRunner().invoke(commands, [name, "--help"])
    assert result.exit_code == 0
    assert "Example" in result.output
    assert f"everywire {name}" in result.output


@pytest.mark.parametrize("arguments", [["nothing"], ["echo", "--port", "99999"], ["run"]])
def test_a_wrong_line_is_told_without_a_traceback(arguments):
    result = CliRunner().invoke(commands, arguments)
    assert result.exit_code == 2
    assert "Error: " in result.output
    assert "Traceback" not in result.output
