"""The quick benchmark as a command."""

from click.testing import CliRunner

from everywire import bench
from everywire.cli import commands


def test_what_is_asked_is_handed_on(monkeypatch):
    seen = []
    monkeypatch.setattr(bench, "main", lambda arguments: seen.append(arguments) or 0)
    result = CliRunner().invoke(commands, ["bench", "--connections", "3", "--seconds", "0.5", "--engine", "portable"])
    assert result.exit_code == 0
    assert seen == [["--connections", "3", "--seconds", "0.5", "--engine", "portable"]]


def test_its_verdict_is_the_exit_code(monkeypatch):
    monkeypatch.setattr(bench, "main", lambda arguments: 1)
    assert CliRunner().invoke(commands, ["bench"]).exit_code == 1
