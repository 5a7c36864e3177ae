"""Listening sockets: TCP over both IP versions, Unix, inherited ones."""

import contextlib
import os
import socket
import subprocess
import sys

import pytest

from everywire.servers import listening

IPV6 = socket.has_ipv6


def can_bind(family, host):
    with socket.socket(family) as sock, contextlib.suppress(OSError):
        sock.bind((host, 0))
        return True
    return False


both_versions = pytest.mark.skipif(not (IPV6 and can_bind(socket.AF_INET6, "::1")), reason="no IPv6 here")


@contextlib.contextmanager
def closing(sockets):
    try:
        yield sockets
    finally:
        for sock in sockets:
            sock.close()


def port(sock):
    return sock.getsockname()[1]


def test_a_free_port():
    with closing(listening.tcp("127.0.0.1", 0)) as (sock,):
        assert port(sock) > 0
        socket.create_connection(("127.0.0.1", port(sock))).close()


@both_versions
def test_localhost_is_both_versions_on_one_port():
    with closing(listening.tcp(["127.0.0.1", "::1"], 0)) as sockets:
        assert {sock.family for sock in sockets} == {socket.AF_INET, socket.AF_INET6}
        assert len({port(sock) for sock in sockets}) == 1
        for host in ("127.0.0.1", "::1"):
            socket.create_connection((host, port(sockets[0]))).close()


@both_versions
@pytest.mark.parametrize("host", [None, ""])
def test_no_host_is_every_interface(host):
    with closing(listening.tcp(host, 0)) as sockets:
        assert {sock.getsockname()[0] for sock in sockets} == {"0.0.0.0", "::"}


def test_a_port_in_use_is_named():
    with closing(listening.tcp("127.0.0.1", 0)) as (sock,):
        with pytest.raises(OSError, match=f"cannot listen on 127.0.0.1 port {port(sock)}"):
            listening.tcp("127.0.0.1", port(sock))


def test_an_address_of_another_machine():
    with pytest.raises(OSError, match=r"192\.0\.2\.1"):
        listening.tcp("192.0.2.1", 0)


def test_a_port_may_be_shared():
    with closing(listening.tcp("127.0.0.1", 0, reuse_port=True)) as first:
        with closing(listening.tcp("127.0.0.1", port(first[0]), reuse_port=True)) as second:
            assert port(first[0]) == port(second[0])


def test_a_port_can_be_used_again_right_after():
    with closing(listening.tcp("127.0.0.1", 0)) as (sock,):
        used = port(sock)
        with socket.create_connection(("127.0.0.1", used)):
            sock.accept()[0].close()
    with closing(listening.tcp("127.0.0.1", used)):
        pass


def test_a_unix_socket_is_removed_unless_another_is_there(tmp_path):
    path = str(tmp_path / "socket")
    with closing([listening.unix(path)]), listening.removed(path):
        os.chmod(path, 0o660)
    assert not os.path.exists(path)
    with closing([listening.unix(path)]) as (sock,), contextlib.ExitStack() as other:
        with listening.removed(path):
            sock.close()
            os.link(path, tmp_path / "kept")  # else the next file may have its number
            other.enter_context(closing([listening.unix(path)]))
        assert os.path.exists(path)
        with listening.removed(path):
            os.unlink(path)


def test_a_unix_socket(tmp_path):
    path = str(tmp_path / "s")
    with closing([listening.unix(path)]), socket.socket(socket.AF_UNIX) as client:
        client.connect(path)


def test_what_a_dead_server_left_is_replaced(tmp_path):
    path = str(tmp_path / "s")
    listening.unix(path).close()
    assert os.path.exists(path)
    with closing([listening.unix(path)]), socket.socket(socket.AF_UNIX) as client:
        client.connect(path)


def test_a_living_server_is_not_replaced(tmp_path):
    path = str(tmp_path / "s")
    with closing([listening.unix(path)]), socket.socket(socket.AF_UNIX) as client:
        with pytest.raises(OSError, match="in use"):
            listening.unix(path)
        client.connect(path)


def test_a_file_is_not_replaced(tmp_path):
    path = tmp_path / "precious"
    path.write_text("data")
    with pytest.raises(OSError, match="in use"):
        listening.unix(str(path))
    assert path.read_text() == "data"


@pytest.mark.parametrize(
    "environ", [{}, {"LISTEN_FDS": "1"}, {"LISTEN_PID": "1", "LISTEN_FDS": "1"}, {"LISTEN_PID": "77"}]
)
def test_nothing_was_inherited(environ):
    assert listening.inherited(environ, 77) == []


CHILD = """
import asyncio, os, sys
from everywire import serve
from everywire.servers.listening import inherited

async def echo(ws):
    async for message in ws:
        await ws.send(message)

async def main():
    os.environ["LISTEN_PID"] = str(os.getpid())
    sockets = inherited(dict(os.environ), os.getpid())
    async with serve(echo, sock=sockets) as server:
        print(len(sockets), server.port, flush=True)
        await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)

asyncio.run(main())
"""


@pytest.fixture
def child():
    """A server in a process that inherited a socket."""
    with contextlib.ExitStack() as stack:
        (tcp,) = stack.enter_context(closing(listening.tcp("127.0.0.1", 0)))
        read, write = os.pipe()
        script = f"import os; os.dup2({tcp.fileno()}, 3); {CHILD}" if tcp.fileno() != 3 else CHILD
        process = stack.enter_context(
            subprocess.Popen(
                [sys.executable, "-c", script],
                stdin=read,
                stdout=subprocess.PIPE,
                pass_fds=[tcp.fileno()],
                env=os.environ | {"LISTEN_FDS": "1"},
                text=True,
            )
        )
        os.close(read)
        yield process, port(tcp)
        os.close(write)
        assert process.wait(10) == 0


async def test_a_server_on_an_inherited_socket(child):
    from everywire import connect

    process, number = child
    assert process.stdout.readline() == f"1 {number}\n"
    async with connect(f"ws://127.0.0.1:{number}/") as ws:
        await ws.send("hello")
        assert await ws.recv() == "hello"
