"""What is in force, and who said so."""

import re
import tomllib

import pytest
from click.testing import CliRunner

from everywire.cli import commands
from everywire.configuration.names import GENERAL, LEAVES, SECTIONS

APP = """
from everywire import Everywire
from everywire.hub.settings import Settings
app = Everywire(settings=Settings(max_channels=5))
"""


@pytest.fixture
def shown(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("EVERYWIRE_LOG", raising=False)

    def show(*arguments: str, **variables: str) -> str:
        result = CliRunner(env=variables).invoke(commands, ["config", *arguments], auto_envvar_prefix="EVERYWIRE")
        assert result.exit_code == 0, result.output
        return result.output

    return show


def line(output: str, name: str) -> str:
    [found] = [each for each in output.splitlines() if each.startswith(f"{name} ")]
    return " ".join(found.split())


def test_what_is_written_is_a_file_that_says_the_same(shown, tmp_path):
    (tmp_path / "everywire.toml").write_text("[hub]\ncommands = 'none'\nlinger = 3\n[run]\nworkers = '2'\n")
    first = shown()
    assert tomllib.loads(first)["hub"]["linger"] == 3.0
    assert tomllib.loads(first)["hub"]["commands"] == "none"
    (tmp_path / "everywire.toml").write_text(first)
    assert shown() == first


def test_each_is_explained(shown, tmp_path):
    (tmp_path / "everywire.toml").write_text("[hub]\nlinger = 3\nlease = 2\n[run]\nport = 9000\nhost = 'there'\n")
    (tmp_path / "live_app.py").write_text(APP)
    variables = {"EVERYWIRE_HUB__LINGER": "4", "EVERYWIRE_RUN_PORT": "9001", "EVERYWIRE_HUB__MAX_CHANNELS": "6"}
    output = shown("live_app", "--explain", **variables)
    assert output.startswith(f"# {tmp_path}/everywire.toml\n")
    assert line(output, "linger") == "linger = 4.0 # EVERYWIRE_HUB__LINGER"
    assert line(output, "lease") == "lease = 2.0 # everywire.toml: hub.lease"
    assert line(output, "max_channels") == "max_channels = 5 # the program"
    assert line(output, "max_name") == "max_name = 255 # default"
    assert line(output, "port") == "port = 9001 # EVERYWIRE_RUN_PORT"
    assert line(output, "host") == 'host = "there" # everywire.toml: run.host'
    assert line(output, "slow_code") == "slow_code = 4413 # default"


def test_secrets_are_not_shown(shown, tmp_path):
    (tmp_path / "everywire.toml").write_text("[publish]\nkey = 'hush, this is it'\n")
    output = shown("--explain", EVERYWIRE_SECRET="a secret that is long enough")
    assert "hush" not in output
    assert "long enough" not in output


def test_the_help_teaches_names_that_are_there():
    text = CliRunner().invoke(commands, ["config", "--help"]).output
    for section in SECTIONS:
        assert f"[{section}]" in text
    for (general,) in GENERAL:
        assert re.search(rf"\b{general}\b", text)
    for name in re.findall(r"EVERYWIRE_([A-Z_]+)=", text):
        command, _, option = name.lower().partition("_")
        assert tuple(name.removesuffix("_FILE").lower().split("__")) in LEAVES or option in {
            parameter.name for parameter in commands.commands[command].params
        }
