"""The quick benchmark as a command."""

from click.testing import CliRunner

from everywire import bench
from everywire.cli import commands


def test_what_is_asked_is_handed_on(monkeypatch):
    seen = []
    monkeypatch.setattr(bench, "main", lambda arguments: seen.append(arguments) or 0)
    result = CliRunner().invoke(commands, ["bench", "--connections", "3", "--seconds", "0.5", "--engine", "portable"])
    assert result.exit_code == 0
    [words] = seen
    given = dict(zip(words[::2], words[1::2], strict=True))
    asked = {"--connections": "3", "--seconds": "0.5", "--engine": "portable"}
    assert given == asked | {"--size": "32", "--window": "1"}


def test_its_verdict_is_the_exit_code(monkeypatch):
    monkeypatch.setattr(bench, "main", lambda arguments: 1)
    assert CliRunner().invoke(commands, ["bench"]).exit_code == 1


def test_the_defaults_are_shown():
    output = CliRunner().invoke(commands, ["bench", "--help"], terminal_width=100).output
    for default in ("100", "32", "1", "2.0"):
        assert f"default: {default};" in output
