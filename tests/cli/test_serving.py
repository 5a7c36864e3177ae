"""Where a server listens, what it prints, and how it ends."""

import asyncio
import errno
import json
import os
import signal
import socket
import subprocess
import sys

import click
import pytest
import trustme
from click.testing import CliRunner
from tests.cli.commands import started

import everywire
from everywire.cli import commands, serving
from everywire.cli.serving import Place


@pytest.fixture
def taken():
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        sock.listen()
        yield sock.getsockname()[1]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_a_signal_closes_everybody_with_1001_and_the_exit_code_is_0(number):
    async with started("echo", "--host", "127.0.0.1", "--port", "0") as echo:
        port = await echo.port()
        clients = [await everywire.connect(f"ws://127.0.0.1:{port}") for _ in range(3)]
        assert await echo.end(number) == 0
        for client in clients:
            await client.wait_closed()
            assert client.close_code == 1001
        assert "closing 3 connections" in echo.said


async def test_a_peer_that_does_not_answer_the_close_is_cut_off_at_the_deadline():
    async with started("echo", "--host", "127.0.0.1", "--port", "0", "--grace", "0.2") as echo:
        reader, writer = await asyncio.open_connection("127.0.0.1", await echo.port())
        writer.write(
            b"GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
        )
        await reader.readuntil(b"\r\n\r\n")
        assert await echo.end() == 0
        assert await reader.read() == b"\x88\x02\x03\xe9"  # 1001, and no second word
        writer.close()


async def test_a_second_signal_ends_at_once():
    async with started("echo", "--host", "127.0.0.1", "--port", "0", "--grace", "60") as echo:
        reader, writer = await asyncio.open_connection("127.0.0.1", await echo.port())
        writer.write(
            b"GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
        )
        await reader.readuntil(b"\r\n\r\n")
        echo.process.send_signal(signal.SIGTERM)
        await echo.says("closing 1 connection")
        assert await echo.end() == 128 + signal.SIGTERM
        writer.close()


async def test_an_inherited_socket_is_served():
    """As systemd hands it over: descriptor 3, LISTEN_FDS and LISTEN_PID."""
    sock = socket.create_server(("127.0.0.1", 0))
    with sock:
        script = (
            "import os; os.dup2(int(os.environ['FROM']), 3); os.set_inheritable(3, True);"
            "os.environ.update(LISTEN_FDS='1', LISTEN_PID=str(os.getpid()));"
            "from everywire.cli import commands; commands(['echo'])"
        )
        environment = {**os.environ, "FROM": str(sock.fileno()), "PYTHONUNBUFFERED": "1"}
        child = subprocess.Popen(
            [sys.executable, "-c", script],
            env=environment,
            pass_fds=[sock.fileno()],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            async with everywire.connect(f"ws://127.0.0.1:{sock.getsockname()[1]}") as ws:
                await ws.send("here")
                assert await ws.recv() == "here"
        finally:
            child.terminate()
            code = child.wait(20)
    assert code == 0


async def test_a_unix_socket_is_served(tmp_path):
    path = str(tmp_path / "socket")
    async with started("echo", "--unix", path) as echo:
        await echo.says(f"unix:{path}")
        async with everywire.connect("ws://localhost/", path=path) as ws:
            await ws.send("here")
            assert await ws.recv() == "here"
        assert await echo.end() == 0
    assert not os.path.exists(path)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--port", "8000", "--unix", "s"), "either --port or --unix"),
        (("--grace", "nan"), "'--grace': a number of 0 or more is needed"),
    ],
)
@pytest.mark.parametrize("command", [("echo",), ("demo",), ("run", "live:app")])
def test_options_that_make_no_sense_are_refused(command, options, said, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    outcome = CliRunner().invoke(commands, [*command, *options])
    assert outcome.exit_code == 2
    assert said in outcome.output
    assert not (tmp_path / "s").exists()


async def test_tls_is_served(tmp_path):
    authority = trustme.CA()
    certificate = authority.issue_cert("localhost")
    certificate.private_key_and_cert_chain_pem.write_to_path(tmp_path / "both.pem")
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    async with started("echo", "--port", "0", "--certfile", str(tmp_path / "both.pem")) as echo:
        port = (await echo.says(r"wss://localhost:(\d+)"))[1]
        arguments = ("connect", f"wss://localhost:{port}", "-x", "here", "-n", "1")
        async with started(*arguments, "--cafile", str(tmp_path / "ca.pem")) as trusting:
            assert await trusting.exit() == 0
            assert trusting.said == "here\n"
        async with started(*arguments) as doubting:
            assert await doubting.exit() == 1
            assert "the certificate is not trusted" in doubting.said


@pytest.mark.parametrize("name", ["echo", "run"])
async def test_a_taken_port_is_told_in_one_line(name, taken, tmp_path):
    (tmp_path / "app.py").write_text("from everywire.app import Everywire\napp = Everywire()\n")
    target = ["app:app"] if name == "run" else []
    async with started(name, *target, "--host", "127.0.0.1", "--port", str(taken), cwd=tmp_path) as command:
        assert await command.exit() == 2
    lines = command.said.splitlines()
    assert len(lines) == 1
    assert lines[0].startswith(f"Error: port {taken} is taken on 127.0.0.1; choose another: --port ")


def test_the_next_free_port_is_found(taken):
    found = serving.next_free(Place(host="127.0.0.1", port=taken))
    assert taken < found < taken + 100


@pytest.fixture
def pems(tmp_path, monkeypatch):
    """Files called cert, key and both, and the key of another certificate."""
    authority = trustme.CA()
    certificate = authority.issue_cert("localhost")
    certificate.cert_chain_pems[0].write_to_path(tmp_path / "cert.pem")
    certificate.private_key_pem.write_to_path(tmp_path / "key.pem")
    certificate.private_key_and_cert_chain_pem.write_to_path(tmp_path / "both.pem")
    authority.issue_cert("localhost").private_key_pem.write_to_path(tmp_path / "other.pem")
    (tmp_path / "text").write_text("no PEM at all")
    (tmp_path / "bad.pem").write_text("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")
    monkeypatch.chdir(tmp_path)


@pytest.mark.usefixtures("pems")
@pytest.mark.parametrize(("certfile", "keyfile"), [("both.pem", None), ("cert.pem", "key.pem"), (None, None)])
def test_a_good_certificate_is_loaded(certfile, keyfile):
    assert (serving.context(Place(certfile=certfile, keyfile=keyfile)) is not None) == (certfile is not None)


@pytest.mark.usefixtures("pems")
@pytest.mark.parametrize(
    ("certfile", "keyfile", "complaint"),
    [
        ("nothing.pem", None, "cannot read nothing.pem: No such file or directory"),
        ("cert.pem", "nothing.pem", "cannot read nothing.pem: No such file or directory"),
        ("text", None, "text has no PEM certificate in it"),
        ("key.pem", "cert.pem", "key.pem has no PEM certificate in it"),
        ("cert.pem", None, "cert.pem has no PEM private key in it; give its file by --keyfile"),
        ("cert.pem", "text", "text has no PEM private key in it"),
        ("cert.pem", "other.pem", "the key in other.pem does not belong to the certificate in cert.pem"),
        ("bad.pem", "key.pem", "cannot use bad.pem with key.pem: "),
        (None, "key.pem", "--keyfile goes with --certfile"),
    ],
)
def test_a_bad_certificate_or_key_is_told(certfile, keyfile, complaint):
    with pytest.raises(click.ClickException) as error:
        serving.context(Place(certfile=certfile, keyfile=keyfile))
    assert error.value.message.startswith(complaint)


def test_a_port_for_the_privileged_comes_with_advice(monkeypatch):
    def denied(host, port):
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(serving.listening, "tcp", denied)
    with pytest.raises(click.ClickException, match=r"sysctl net\.ipv4\.ip_unprivileged_port_start=80"):
        serving.sockets(Place(port=80))


async def test_an_unknown_log_level_is_told_in_one_line():
    async with started("echo", "--port", "0", EVERYWIRE_LOG="nosuch") as echo:
        assert await echo.exit() == 2
    assert echo.said == "Error: EVERYWIRE_LOG=nosuch: the levels are DEBUG, INFO, WARNING, ERROR and CRITICAL\n"


@pytest.mark.parametrize(
    ("place", "complaint"),
    [
        (Place(host="no.such.host.invalid", port=0), "cannot listen on no.such.host.invalid"),
        (Place(unix="/nowhere/socket"), "cannot listen on /nowhere/socket: No such file or directory"),
    ],
)
def test_a_place_that_is_none_is_told(place, complaint):
    with pytest.raises(click.ClickException) as error:
        serving.sockets(place)
    assert complaint in error.value.message


async def test_the_log_is_json_lines_where_that_is_asked_for():
    async with started("run", "everywire.demo:app", "--host", "127.0.0.1", "--port", "0", "--log", "json") as run:
        port = await run.port()
        with pytest.raises(everywire.HandshakeError):
            await everywire.connect(
                f"ws://127.0.0.1:{port}/everywire", origin="https://evil.example", subprotocols=["everywire.v1.json"]
            )
        said = json.loads((await run.says(r"(?m)^\{.*\}$"))[0])
        assert (said["level"], said["logger"], said["origin"]) == (
            "warning",
            "everywire.gateway",
            "https://evil.example",
        )
        assert said["message"].startswith("refused a WebSocket")
        assert None not in said.values()
        assert await run.end() == 0


async def test_the_processes_of_several_workers_write_the_same_log():
    listen = ("--host", "127.0.0.1", "--port", "0", "--workers", "1", "--log", "json")
    async with started("run", "everywire.demo:app", *listen, EVERYWIRE_LOG="debug") as run:
        await run.port()
        os.kill(run.process.pid, signal.SIGHUP)
        await run.says(r'"message": "replaced 1 workers"')
        assert await run.end() == 0


async def test_who_has_no_connections_says_nothing_of_closing_them():
    async with started("echo", "--port", "0") as echo:
        await echo.port()
        assert await echo.end() == 0
    assert "closing" not in echo.said
