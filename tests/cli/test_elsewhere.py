"""Options of other ASGI servers, told what they are here."""

import argparse
import re
from pathlib import Path

import click
import daphne.cli
import hypercorn.__main__
import pytest
from click.testing import CliRunner
from uvicorn.main import main as uvicorn

from everywire.cli import commands
from everywire.cli.elsewhere import SERVERS, advice, options
from everywire.cli.run import run

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "asgi-server.md").read_text()
OURS = {said for parameter in run.params for said in parameter.opts}


def told(*arguments):
    result = CliRunner().invoke(commands, ["run", "app:app", *arguments])
    assert result.exit_code == 2
    return result.output.partition("Error: ")[2].rstrip("\n")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--uds", "x"], "No such option '--uds'\n  coming from uvicorn: --unix PATH; sockets of systemd are found by themselves"),
        (
            ["-b", "0.0.0.0:80"],
            "No such option '-b'\n  coming from gunicorn, hypercorn: --host H --port P, --unix PATH\n"
            "  coming from daphne: --host H, --port P",
        ),
        (["--bind=x"], "No such option '--bind'\n  coming from gunicorn, hypercorn: --host H --port P, --unix PATH\n  coming from daphne: --host H, --port P"),
        (["-k", "x"], "No such option '-k'\n  coming from gunicorn, hypercorn: needs nothing"),
        (["--log-level", "info"], "No such option '--log-level'\n  coming from uvicorn, gunicorn, hypercorn: EVERYWIRE_LOG=L"),
        (["--daemon"], "No such option '--daemon'\n  coming from gunicorn, hypercorn: none: whoever starts it says so, systemd for instance"),
        (
            ["--proxy-headers", "--forwarded-allow-ips=*"],
            "Invalid value for '--proxy-headers': '--forwarded-allow-ips=*' is not one of 'x-forwarded', 'forwarded'\n"
            "  coming from uvicorn: --trusted-proxies IPS says whose are believed; nobody's without it\n"
            "  coming from daphne: --trusted-proxies IPS: daphne believes everybody",
        ),
        (["--hots", "x"], "No such option '--hots'. (Did you mean one of: '--host', '--port'?)"),
        (["--lifespan", "x"], "Invalid value for '--lifespan': 'x' is not one of 'auto', 'on', 'off'."),
        (
            ["--trusted-proxies", "*"],
            "Invalid value for --trusted-proxies: '*' does not appear to be an IPv4 or IPv6 network; "
            "addresses, networks and unix are known, and 0.0.0.0/0,::/0,unix is everybody",
        ),
    ],
)  # fmt: skip
def test_who_comes_from_elsewhere_is_told(arguments, said):
    assert told(*arguments) == said


@pytest.mark.parametrize("option", sorted(OURS - {"--access-log", "--proxy-headers"}))
def test_a_wrong_value_of_an_option_that_is_here_is_no_other_server_s(option):
    assert "coming from" not in told(f"{option}=?", "--zebra")


def test_a_flag_that_is_here_takes_no_value():
    assert told("--reload=yes") == "Option '--reload' does not take a value."
    assert (
        told("--access-log=f")
        == "Option '--access-log' does not take a value\n  coming from daphne: --access-log 2> FILE"
    )


def test_a_file_is_told_too(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "everywire.toml").write_text("[run]\nlimit_max_requests = 5\n")
    assert told() == (
        "everywire.toml: run.limit_max_requests: run has no such option\n"
        "  coming from uvicorn: none: workers are not ended after N requests"
    )


def test_the_page_has_the_same_rows():
    for server, rows in SERVERS.items():
        table = re.search(rf"^\| {server}.* \| here \|\n\|---\|---\|\n((?:\|.*\n)+)", PAGE, re.MULTILINE)[1]
        assert table == "".join(f"| {theirs} | {ours} |\n" for theirs, ours in rows)


def test_options_that_are_named_here_are_there():
    known = {parameter for command in commands.commands.values() for each in command.params for parameter in each.opts}
    said = {option for rows in SERVERS.values() for _, ours in rows for option in options(ours)}
    assert said <= known


def of_uvicorn():
    return {each for parameter in uvicorn.params for each in (*parameter.opts, *parameter.secondary_opts)}


def of_parser(make, monkeypatch):
    """The options that a program gives its argparse."""
    found = set()

    class Told(Exception):
        pass

    def seen(self, *_):
        found.update(option for action in self._actions for option in action.option_strings)
        raise Told

    monkeypatch.setattr(argparse.ArgumentParser, "parse_args", seen)
    with pytest.raises(Told):
        make()
    return found


def test_every_option_of_the_others_is_known(monkeypatch):
    theirs = {
        "uvicorn": of_uvicorn(),
        "hypercorn": of_parser(lambda: hypercorn.__main__.main(["app"]), monkeypatch),
        "daphne": of_parser(lambda: daphne.cli.CommandLineInterface().run(["app"]), monkeypatch),
    }
    for server, found in theirs.items():
        named = {option for row, _ in SERVERS[server] for option in options(row)}
        missing = {each for each in found if each.startswith("-")} - named - OURS
        assert missing <= {"-h", "--help", "--version"}, server


def test_nobody_s_option_has_no_advice():
    assert advice("--zebra") is None
    assert isinstance(run, click.Command)
