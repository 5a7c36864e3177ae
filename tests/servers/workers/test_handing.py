"""Connections handed from one worker to another, over real sockets."""

import asyncio
import contextlib
import os
import socket

import pytest
from tests.certificates import client_context, server_context
from tests.engine.peer import UPGRADE, Peer, until
from tests.ws.raw import FIN, TEXT, masked

from everywire import serve
from everywire.http.handed import Handed
from everywire.http.request import Response
from everywire.servers.workers import handing
from everywire.servers.workers.handing import MOST, Landing, hand, landing

HANDSHAKE = f"GET /there HTTP/1.1\r\n{UPGRADE}\r\n"


class Shelf:
    """Keeps what is handed over."""

    def __init__(self, path):
        self.taken, self.error = [], None
        self.landing = Landing(path, self.take)

    async def take(self, sock, read):
        self.taken.append((sock, read))
        if self.error is not None:
            sock.close()
            raise self.error


@pytest.fixture
def path(tmp_path):
    return landing(tmp_path, "node")


@pytest.fixture
async def shelf(path):
    shelf = Shelf(path)
    yield shelf
    shelf.landing.close()
    assert not path.exists()
    assert shelf.landing._arrivals == {}
    for sock, _ in shelf.taken:
        sock.close()


@pytest.fixture
def pair():
    """Both ends of a TCP connection: the client's, and ours."""
    with socket.create_server(("127.0.0.1", 0)) as listener, socket.create_connection(listener.getsockname()) as client:
        sock, _ = listener.accept()
        with sock:
            yield client, sock


def connected(path):
    line = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    line.connect(str(path))
    return line


async def ended(line):
    """See that whoever listens has let go of `line`."""
    line.setblocking(False)
    with contextlib.suppress(ConnectionResetError):  # of what was never read
        assert await asyncio.get_running_loop().sock_recv(line, 1) == b""
    line.close()


async def test_a_connection_comes_with_what_was_read_of_it(path, shelf, pair):
    client, sock = pair
    assert hand(path, sock.fileno(), b"read")
    sock.close()
    await until(lambda: shelf.taken)
    ((taken, read),) = shelf.taken
    assert (read, taken.getpeername()) == (b"read", client.getsockname())
    assert not os.get_inheritable(taken.fileno())
    taken.send(b"answer")
    assert client.recv(10) == b"answer"


async def test_many_come_at_once(path, shelf, pair):
    said = [b"%d" % n for n in range(200)]
    assert all(hand(path, pair[1].fileno(), each) for each in said)
    await until(lambda: len(shelf.taken) == 200)
    assert [read for _, read in shelf.taken] == said


async def test_a_connection_whose_client_has_reset_it_is_let_go(path, shelf, pair, caplog):
    client, sock = pair
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    client.close()
    with pytest.raises(ConnectionResetError):
        sock.recv(1)
    assert hand(path, sock.fileno(), b"read")
    await until(lambda: not shelf.landing._arrivals and not select(shelf.landing._sock))
    assert (shelf.taken, caplog.records) == ([], [])


def select(sock):
    """Say whether anybody waits at a listening socket."""
    with contextlib.suppress(BlockingIOError):
        line, _ = sock.accept()
        line.close()
        return True
    return False


@pytest.mark.parametrize("why", ["gone", "dead", "nothing was read", "too much was read", "no descriptor"])
async def test_nobody_takes_it(why, tmp_path, path, shelf, pair):
    descriptor, read = pair[1].fileno(), b"read"
    match why:
        case "gone":
            path = landing(tmp_path, "other")
        case "dead":
            path = landing(tmp_path, "killed")
            with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as left:
                left.bind(str(path))
        case "nothing was read":
            read = b""
        case "too much was read":
            read = bytes(MOST + 1)
        case "no descriptor":
            descriptor = 1 << 20
    assert not hand(path, descriptor, read)
    assert shelf.taken == []


async def test_as_much_as_may_be_comes_whole(path, shelf, pair):
    assert hand(path, pair[1].fileno(), bytes(MOST))
    await until(lambda: shelf.taken)
    assert shelf.taken[0][1] == bytes(MOST)


@pytest.mark.parametrize(
    "why",
    ["bytes alone", "no bytes", "too long", "a file", "a datagram socket", "a listener", "two", "many", "its end"],
)
async def test_garbage_is_let_go_of_and_does_not_stay_open(why, path, shelf, pair, caplog):
    mine, other = pair[1].fileno(), socket.socket(type=socket.SOCK_DGRAM)
    listener = socket.create_server(("127.0.0.1", 0))
    line = connected(path)
    count = len(os.listdir("/proc/self/fd"))
    with other, listener, path.parent.joinpath("file").open("wb") as file:
        match why:
            case "bytes alone":
                line.send(b"GET / HTTP/1.1\r\n\r\n")
            case "no bytes":
                socket.send_fds(line, [b""], [mine])
            case "too long":
                socket.send_fds(line, [bytes(MOST + 1)], [mine])
            case "a file":
                socket.send_fds(line, [b"x"], [file.fileno()])
            case "a datagram socket":
                socket.send_fds(line, [b"x"], [other.fileno()])
            case "a listener":
                socket.send_fds(line, [b"x"], [listener.fileno()])
            case "two":
                socket.send_fds(line, [b"x"], [mine, mine])
            case "many":
                socket.send_fds(line, [b"x"], [mine] * 50)
            case "its end":
                line.shutdown(socket.SHUT_WR)
        await ended(line)
    assert shelf.taken == []
    assert len(os.listdir("/proc/self/fd")) == count - 3  # without those of the test
    assert len(caplog.records) == (why != "a listener")
    assert hand(path, mine, b"good")
    await until(lambda: shelf.taken)


async def test_who_says_nothing_is_not_waited_for(path, shelf, monkeypatch):
    monkeypatch.setattr(handing, "_PATIENCE", 0.01)
    line = connected(path)
    await ended(line)


async def test_another_user_is_sent_away(path, shelf, pair, monkeypatch, caplog):
    monkeypatch.setattr(os, "geteuid", lambda: 12345)
    line = connected(path)
    socket.send_fds(line, [b"read"], [pair[1].fileno()])
    await ended(line)
    assert shelf.taken == []
    assert len(caplog.records) == 1


async def test_what_cannot_be_taken_over_is_our_error_and_the_next_one_is(path, shelf, pair, caplog):
    shelf.error = OSError("no room")
    assert hand(path, pair[1].fileno(), b"1")
    await until(lambda: caplog.records)
    shelf.error = None
    assert hand(path, pair[1].fileno(), b"2")
    await until(lambda: len(shelf.taken) == 2)


async def test_without_descriptors_it_is_tried_again(path, shelf, pair, monkeypatch, caplog):
    class Full:
        """The listening socket of a process whose descriptors are all in use, once."""

        def __init__(self, sock):
            self.sock, self.said = sock, False

        def fileno(self):
            return self.sock.fileno()

        def accept(self):
            if not self.said:
                self.said = True
                raise OSError(24, "Too many open files")
            return self.sock.accept()

        def close(self):
            self.sock.close()

    monkeypatch.setattr(handing, "_PAUSE", 0.01)
    shelf.landing._sock = Full(shelf.landing._sock)
    assert hand(path, pair[1].fileno(), b"read")
    await until(lambda: shelf.taken)
    assert len(caplog.records) == 1


async def test_an_end_while_it_pauses_is_its_end(path, monkeypatch):
    shelf = Shelf(path)
    shelf.landing._loop.remove_reader(shelf.landing._sock)
    shelf.landing._pausing = asyncio.get_running_loop().call_later(0, pytest.fail, "it went on")
    line = connected(path)
    shelf.landing._accept()
    shelf.landing.close()
    shelf.landing.close()
    await ended(line)


# With servers


class Pair:
    """Two servers: `first` accepts, `second` takes what the first hands over."""

    def __init__(self, path):
        self.path, self.asked, self.gone = path, [], []

    def process(self, request):
        self.asked.append(request.path)
        if request.path == "/there":
            return Handed(lambda descriptor, read: hand(self.path, descriptor, read), Response(404, "no such line"))
        return Response(200, request.path) if request.path == "/page" else None

    def closed(self, ws, code, reason):
        self.gone.append(code)


@contextlib.asynccontextmanager
async def servers(path, engine, **options):
    pair = Pair(path)
    callbacks = {"on_message": lambda ws, message: ws.send(message), "on_close": pair.closed, "engine": engine}
    async with (
        serve(None, "127.0.0.1", process_request=pair.process, **callbacks, **options) as pair.first,
        serve(None, "127.0.0.1", **callbacks) as pair.second,
    ):
        landing = Landing(path, pair.second.adopt)
        yield pair
        landing.close()


async def test_the_other_server_has_it_as_if_it_had_accepted_it(engine, path):
    async with servers(path, engine) as pair:
        peer = await Peer.dial(pair.first.port)
        assert (await peer.ask(HANDSHAKE))[0] == 101
        assert len(pair.first.connections) == len(pair.first._openings) == 0
        ((ws),) = pair.second.connections
        assert ws.request.path == "/there"
        assert ws.remote_address == peer.writer.get_extra_info("sockname")
        pair.first.close()  # nothing of it goes by there
        await pair.first.wait_closed()
        for said in (b"one", bytes(100_000)):
            peer.send(FIN | TEXT, said)
            assert await peer.frame() == (FIN | TEXT, said)
        peer.close()
        await until(lambda: pair.gone == [1000])
        peer.writer.close()


async def test_what_was_said_right_behind_the_head_is_heard(engine, path):
    async with servers(path, engine) as pair:
        peer = await Peer.dial(pair.first.port)
        assert (await peer.ask("GET /page HTTP/1.1\r\nHost: x\r\n\r\n"))[0] == 200
        assert await peer.reader.readexactly(5) == b"/page"
        peer.writer.write(HANDSHAKE.encode() + masked(FIN | TEXT, b"early"))
        assert (await peer.answer())[0] == 101
        peer.send(FIN | TEXT, b"later")
        assert [await peer.frame(), await peer.frame()] == [(FIN | TEXT, b"early"), (FIN | TEXT, b"later")]
        assert pair.asked == ["/page", "/there"]
        peer.writer.close()


async def test_what_comes_in_small_pieces_comes_whole(engine, path):
    async with servers(path, engine) as pair:
        peer = await Peer.dial(pair.first.port)
        for place in range(0, len(HANDSHAKE), 7):
            peer.writer.write(HANDSHAKE[place : place + 7].encode())
            await peer.writer.drain()
            await asyncio.sleep(0)
        assert (await peer.answer())[0] == 101
        peer.writer.close()


async def test_who_holds_it_may_refuse_and_what_it_said_is_the_answer(engine, path):
    async with servers(path, engine) as pair:
        peer = await Peer.dial(pair.first.port)
        status, _ = await peer.ask(HANDSHAKE.replace("Sec-WebSocket-Version: 13", "Sec-WebSocket-Version: 7"))
        assert status == 426
        assert pair.asked == ["/there"]
        peer.writer.close()


async def test_a_server_that_ends_refuses(engine, path):
    async with servers(path, engine) as pair:
        pair.second.close()
        peer = await Peer.dial(pair.first.port)
        assert (await peer.ask(HANDSHAKE))[0] == 503
        peer.writer.close()


async def test_without_anybody_there_or_on_tls_it_is_refused(engine, path):
    async with servers(path.with_name("other"), engine) as pair:
        pair.path = path
        peer = await Peer.dial(pair.first.port)
        assert (await peer.ask(HANDSHAKE))[0] == 404
        peer.writer.close()
    async with servers(path, engine, ssl=server_context()) as pair:
        peer = await Peer.dial(pair.first.port, ssl=client_context())
        assert (await peer.ask(HANDSHAKE))[0] == 404
        peer.writer.close()
