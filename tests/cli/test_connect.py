"""The client at a terminal and in a pipe."""

import asyncio
import os
import pty
import re
import socket
import ssl
import subprocess
import sys
from contextlib import asynccontextmanager

import pytest
import trustme
from tests.cli.commands import started

import everywire
from everywire.cli.connect import _explain
from everywire.errors import HandshakeError
from everywire.http.request import Response

ESCAPE = re.compile(rb"\x1b\[[?0-9;]*[a-zA-Z]|\r")


async def echo(ws: everywire.WebSocket) -> None:
    async for message in ws:
        if message == "bye":
            await ws.close(4001, "as you wish")
        else:
            await ws.send(message)


async def run(*arguments: str, typed: str = "") -> tuple[int, str]:
    """Run `everywire connect` in a pipe; gives its exit code and what it printed."""
    async with started("connect", *arguments) as command:
        command.process.stdin.write(typed.encode())
        command.process.stdin.close()
        return await command.exit(), command.said


@asynccontextmanager
async def served(**options):
    async with everywire.serve(echo, "127.0.0.1", 0, **options) as server:
        yield f"ws://127.0.0.1:{server.port}"


async def test_messages_are_executed():
    async with served() as uri:
        assert await run(uri, "-x", "one", "-x", "two", "-n", "2") == (0, "one\ntwo\n")


async def test_it_ends_after_silence():
    async with served() as uri:
        assert await run(uri, "-x", "one", "--wait", "0.3") == (0, "one\n")


async def test_lines_are_piped_and_the_scheme_may_be_left_out():
    async with served() as uri:
        code, said = await run(uri.removeprefix("ws://"), "-n", "500", typed="".join(f"/{n}\n" for n in range(500)))
    assert code == 0
    assert said == "".join(f"/{n}\n" for n in range(500))


async def test_another_close_code_is_told_and_is_the_exit_code():
    async with served() as uri:
        assert await run(uri, "-x", "bye", "-n", "1") == (1, "closed: 4001 as you wish\n")


async def test_headers_origin_and_subprotocol_are_sent():
    async def tell(ws: everywire.WebSocket) -> None:
        headers = ws.request.headers
        await ws.send(f"{headers['X-Room']}|{headers['Origin']}|{ws.subprotocol}")

    async with everywire.serve(tell, "127.0.0.1", 0, subprotocols=["b"]) as server:
        arguments = ["-H", "X-Room: 7", "-o", "http://127.0.0.1", "-s", "a", "-s", "b", "-x", "", "-n", "1"]
        assert await run(f"127.0.0.1:{server.port}", *arguments) == (0, "7|http://127.0.0.1|b\n")


async def test_why_there_is_no_connection_is_one_line_and_what_the_server_says():
    async with served(process_request=lambda request: Response(403, "not you\n")) as uri:
        code, said = await run(uri, "-x", "one")
        assert code == 1
        assert said == f"Error: {uri}: the server answered 403 Forbidden\n  not you\n"
        port = uri.rpartition(":")[2]
    assert await run(uri, "-x", "one") == (1, f"Error: cannot connect to {uri}: Connection refused\n")
    assert await run(f"ftp://127.0.0.1:{port}", "-x", "one") == (
        1,
        f"Error: ftp://127.0.0.1:{port}: the scheme is ws or wss, not ftp\n",
    )


async def test_a_page_is_no_websocket():
    async with served(process_request=lambda request: Response(200, "a page")) as uri:
        assert await run(uri, "-x", "one") == (1, f"Error: {uri} is no WebSocket: the server answered 200 OK\n")


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (socket.gaierror(-2, "Name or service not known"), "cannot connect to ws://x: Name or service not known"),
        (HandshakeError("a\x1b[2Jb"), "a\\x1b[2Jb"),
    ],
)
def test_other_reasons_are_told_readably(error, said):
    assert _explain("ws://x", error) == said


def refused(body, **headers):
    error = HandshakeError("the server answered 400 Bad Request", 400)
    error.response = Response(400, body, [(name.replace("_", "-"), value) for name, value in headers.items()])
    return error


@pytest.mark.parametrize(
    ("body", "lines"),
    [
        (b"", []),
        (b'{"code": 107}', ['{"code": 107}']),
        (b"one\r\n\r\n two\n", ["one", " two"]),
        (b"\x1b[2Jgone\r\x07\xff", ["\\x1b[2Jgone\\r\\x07\ufffd"]),
        (b"x" * 9_999, ["x" * 2_000, "…"]),
        (b"x\n" * 30, ["x"] * 20 + ["…"]),
        (b"\0\1\2", []),
    ],
)
def test_what_a_server_says_to_a_refusal_is_shown_readably_and_bounded(body, lines):
    first, *told = _explain("ws://x", refused(body)).split("\n")
    assert first == "ws://x: the server answered 400 Bad Request"
    assert told == [f"  {line}" for line in lines]
    assert _explain("ws://x", refused(body, Content_Encoding="gzip")) == first


async def test_the_other_scheme_is_suggested(tmp_path):
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    certificate = trustme.CA().issue_cert("localhost")
    certificate.configure_cert(context)
    async with served(ssl=context) as uri:
        code, said = await run(uri, "-x", "one")
        assert (code, said.endswith(f"; perhaps it speaks TLS: try wss{uri.removeprefix('ws')}\n")) == (1, True)
    async with served() as uri:
        secure = f"wss{uri.removeprefix('ws')}"
        assert await run(secure, "-x", "one") == (1, f"Error: {secure}: no TLS here; try {uri}\n")


@pytest.mark.parametrize(
    ("name", "complaint"),
    [("nosuch.pem", "cannot read {}: No such file or directory"), ("text", "{} has no PEM certificate in it")],
)
async def test_a_bad_file_of_certificates_is_named(tmp_path, name, complaint):
    (tmp_path / "text").write_text("no PEM at all")
    path = str(tmp_path / name)
    code, said = await run("wss://localhost:1", "--cafile", path, "-x", "one")
    assert (code, said) == (1, f"Error: --cafile: {complaint.format(path)}\n")


class Terminal:
    """`everywire connect` on a terminal of its own."""

    def __init__(self, *arguments: str, home: str, **environment: str) -> None:
        self.ours, theirs = pty.openpty()
        env = {name: value for name, value in os.environ.items() if name != "NO_COLOR"}
        env |= {"TERM": "xterm", "XDG_STATE_HOME": home, **environment}
        # The terminal must be its controlling one, or Ctrl-C would be no signal.
        script = "import os; os.login_tty(os.dup(0)); from everywire.cli import main; main()"
        command = [sys.executable, "-c", script, "connect", *arguments]
        self.process = subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, env=env)
        os.close(theirs)
        self.raw = b""

    async def shows(self, text: bytes) -> None:
        """Wait until `text` is on the screen; it is looked for after what was found before."""
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(20):
            while (place := ESCAPE.sub(b"", self.raw).find(text)) < 0:
                self.raw += await loop.run_in_executor(None, os.read, self.ours, 4096)
        self.raw = ESCAPE.sub(b"", self.raw)[place + len(text) :]

    async def draws(self, pattern: bytes) -> None:
        """Wait until the screen matches `pattern`; all of it is kept, with its escape sequences."""
        async with asyncio.timeout(20):
            while not re.search(pattern, ESCAPE.sub(b"", self.raw), re.DOTALL):
                self.raw += await asyncio.get_running_loop().run_in_executor(None, os.read, self.ours, 4096)

    def types(self, text: str) -> None:
        os.write(self.ours, text.encode())

    async def exit(self) -> int:
        code = await asyncio.get_running_loop().run_in_executor(None, self.process.wait, 20)
        os.close(self.ours)
        return code

    def __enter__(self) -> "Terminal":
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
            os.close(self.ours)


async def test_a_conversation(tmp_path):
    async with served() as uri:
        with Terminal(uri, home=str(tmp_path)) as terminal:
            await terminal.shows(b"connected to " + uri.encode())
            await terminal.shows(b"> ")
            terminal.types("hello\n")
            await terminal.shows(b"< hello")
            terminal.types("//slash\n")
            await terminal.shows(b"< /slash")
            terminal.types("/bytes 00 ff\n")
            await terminal.shows(b"< (2 bytes) 00 ff")
            terminal.types("/ping\n")
            await terminal.shows(b"pong after ")
            terminal.types("/nonsense\n")
            await terminal.shows(b"no such command: /nonsense")
            terminal.types("/bytes zz\n")
            await terminal.shows(b"/bytes takes hexadecimal digits")
            terminal.types("/close 3 x\n")
            await terminal.shows(b"/close takes a code")
            terminal.types("/close 1005\n")
            await terminal.shows(b"/close takes a code")
            terminal.types("/close 1000 enough\n")
            await terminal.shows(b"closed: 1000")
            assert await terminal.exit() == 0
    assert "hello" in (tmp_path / "everywire" / "history").read_text()


@pytest.mark.parametrize("key", ["\x04", "\x03"], ids=["Ctrl-D", "Ctrl-C"])
async def test_a_key_ends_it(tmp_path, key):
    async with served() as uri:
        with Terminal(uri, home=str(tmp_path)) as terminal:
            await terminal.shows(b"> ")
            terminal.types(key)
            await terminal.shows(b"closed: 1000")
            assert await terminal.exit() == 0


async def test_what_comes_does_not_break_the_typed_line(tmp_path):
    opened = asyncio.get_running_loop().create_future()

    async def hold(ws: everywire.WebSocket) -> None:
        opened.set_result(ws)
        await ws.wait_closed()

    async with everywire.serve(hold, "127.0.0.1", 0) as server:
        with Terminal(f"ws://127.0.0.1:{server.port}", home=str(tmp_path)) as terminal:
            await terminal.shows(b"> ")
            terminal.types("half a li")
            await terminal.shows(b"half a li")
            ws = await opened
            await ws.send("news\x1b[2J")
            await terminal.shows(b"< news\\x1b[2J")  # the escape sequence itself does nothing
            await terminal.shows(b"> half a li")
            await ws.close(4000, "enough")
            await terminal.shows(b"closed: 4000 enough")
            assert await terminal.exit() == 1


async def test_an_errand_on_a_terminal_shows_control_characters(tmp_path):
    async with served() as uri:
        arguments = ("-x", "a\x1b[2Jb", "-n", "1")
        with Terminal(uri, *arguments, home=str(tmp_path)) as terminal:
            await terminal.shows(b"a\\x1b[2Jb")
            assert b"\x1b[2J" not in terminal.raw
            assert await terminal.exit() == 0


async def test_colours_may_be_refused(tmp_path):
    async with served() as uri:
        for environment, arguments in (({"NO_COLOR": "1"}, ()), ({}, ("--no-color",))):
            with Terminal(uri, *arguments, home=str(tmp_path), **environment) as terminal:
                await terminal.draws(b"> ")  # what is typed before may be lost
                terminal.types("hello\n")
                await terminal.draws(b"< hello.*> ")
                assert not re.search(rb"\x1b\[\d+m", terminal.raw)
                terminal.types("\x04")
                await terminal.shows(b"closed: 1000")
                assert await terminal.exit() == 0
