"""Options of commands by variables and files, under the names that they have on the command line."""

import click
import pytest
from click.testing import CliRunner
from tests.cli.commands import started

from everywire.cli import commands
from everywire.cli.numbers import Whole
from everywire.cli.settled import defaults, export, name_options, option_name
from everywire.configuration import Configuration


@click.group()
def group():
    pass


@group.command()
@click.option("--reload", "again", is_flag=True)
@click.option("--port", type=Whole(0, 65535), default=1)
@click.option("--key")
def run(**given):
    click.echo(given)


name_options(group)


def of(folder, variables):
    return defaults(group, Configuration.found(variables, folder), variables)


def test_a_variable_is_called_as_the_option():
    runner = CliRunner(env={"EVERYWIRE_RUN_RELOAD": "1", "EVERYWIRE_RUN_PORT": "5"})
    assert (
        runner.invoke(group, ["run"], auto_envvar_prefix="EVERYWIRE").output
        == "{'again': True, 'port': 5, 'key': None}\n"
    )


def test_options_of_files(tmp_path):
    (tmp_path / "everywire.toml").write_text("[run]\nreload = true\nport = 7\nkey_file = 'k'\n")
    (tmp_path / "k").write_text("hush\n")
    assert of(tmp_path, {"EVERYWIRE_RUN_KEY_FILE": str(tmp_path / "k"), "EVERYWIRE_CONFIG": ""}) == {
        "run": {"key": "hush"}
    }
    assert of(tmp_path, {"EVERYWIRE_RUN__PORT": "8", "EVERYWIRE_CONFIG": ""}) == {"run": {"port": "8"}}
    (tmp_path / "everywire.toml").write_text("[run]\nreload = true\nport = 7\n")
    assert of(tmp_path, {}) == {"run": {"again": True, "port": 7}}


@pytest.mark.parametrize(
    ("text", "variables", "error"),
    [
        ("[run]\nprot = 7", {}, "everywire.toml: run.prot: run has no such option; did you mean port?"),
        ("[run]\nzebra = 7", {}, "everywire.toml: run.zebra: run has no such option; there are reload, port, key"),
        ("[run]\nport = 70000", {}, "everywire.toml: run.port is 70000: a whole number from 0 to 65535 is needed"),
        ("[run]\nkey_file = '/gone'", {}, "everywire.toml: run.key_file: cannot read /gone: No such file or directory"),
        ("", {"EVERYWIRE_RUN_PROT": "7"}, "EVERYWIRE_RUN_PROT: run has no such option; did you mean port?"),
        ("", {"EVERYWIRE_PORT": "9100"}, "EVERYWIRE_PORT: there is no such setting; did you mean EVERYWIRE_RUN_PORT?"),
        ("", {"EVERYWIRE_RUN_PORT": "x"}, "EVERYWIRE_RUN_PORT is 'x': a whole number from 0 to 65535 is needed"),
    ],
)
def test_a_wrong_option_names_its_place(tmp_path, text, variables, error):
    (tmp_path / "everywire.toml").write_text(text)
    with pytest.raises(click.ClickException) as caught:
        of(tmp_path, variables)
    assert (caught.value.message, caught.value.exit_code) == (error, 2)


def test_what_an_orchestrator_says_of_a_port_is_no_option(tmp_path):
    assert of(tmp_path, {"EVERYWIRE_PORT": "tcp://10.0.0.1:80", "EVERYWIRE_SERVICE_PORT": "80"}) == {}


def test_the_name_of_an_option_is_its_long_form():
    assert [option_name(each) for each in run.params] == ["reload", "port", "key"]
    assert option_name(click.Argument(["target"])) == "target"
    assert option_name(click.Option(["-p", "--pid-file", "pid"])) == "pid_file"


def test_processes_started_by_this_one_are_told(tmp_path):
    (tmp_path / "everywire.toml").write_text("log = 'debug'\nengine = 'portable'\nsecret = ['aaaa', 'bbbb']\n")
    variables = {"EVERYWIRE_SECRET_FILE": "gone", "EVERYWIRE_HUB__LINGER": "5"}
    export(Configuration.found({}, tmp_path), variables)
    assert variables == {
        "EVERYWIRE_LOG": "debug",
        "EVERYWIRE_ENGINE": "portable",
        "EVERYWIRE_SECRET": "aaaa,bbbb",
        "EVERYWIRE_HUB__LINGER": "5",
    }


def test_each_option_has_one_name():
    for command in commands.commands.values():
        names = [option_name(each) for each in command.params]
        assert len(names) == len(set(names))


async def test_a_server_is_set_by_its_project(tmp_path):
    (tmp_path / "pyproject.toml").write_text(
        "[tool.everywire]\npath = '/live'\n[tool.everywire.run]\ntarget = 'app'\nport = 0\nhost = '127.0.0.1'\n"
    )
    (tmp_path / "app.py").write_text("import everywire\napp = everywire.Everywire()\n")
    async with started("run", cwd=tmp_path) as run:
        await run.says(r"app is at ws://127\.0\.0\.1:\d+/live")
        assert await run.end() == 0


async def test_what_is_wrong_is_one_line(tmp_path):
    async with started("run", "app", cwd=tmp_path, EVERYWIRE_HUB__LINGR="5") as run:
        assert await run.exit() == 2
    assert run.said == "Error: EVERYWIRE_HUB__LINGR: there is no such setting; did you mean EVERYWIRE_HUB__LINGER?\n"
