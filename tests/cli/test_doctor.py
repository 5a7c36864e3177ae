"""The doctor's command: readable, and never an error."""

from click.testing import CliRunner

from everywire.cli import commands


def test_it_prints_every_section_and_exits_with_0():
    result = CliRunner().invoke(commands, ["doctor"])
    assert result.exit_code == 0
    for section in ("everywire", "Python", "Libraries", "Extras", "Limits"):
        assert f"{section}\n" in result.output
