"""TLS as a storey: in memory, between two of its own; and on sockets, against OpenSSL in asyncio."""

import asyncio
import logging
import ssl

import pytest
from tests.certificates import client_context, server_context
from tests.engine.peer import Peer, code, loud, until
from tests.ws.raw import BINARY, FIN, TEXT, Pipe, masked

from everywire import serve
from everywire.engine.tls import TlsLink
from everywire.ws.link import PlainLink

# In memory


class Top(PlainLink):
    """Keeps what it learns."""

    def __init__(self):
        super().__init__()
        self.data = b""
        self.learnt = []

    def feed(self, data):
        self.data += data

    def ended(self):
        self.learnt.append("ended")

    def drained(self):
        self.learnt.append("drained")

    def lost(self, reason):
        self.learnt.append("lost")


class End:
    """One end: a pipe, TLS on it, and what is set on that after the handshake."""

    def __init__(self, context, *, server_side, **options):
        self.top = None
        self.failed = []
        self.pipe = Pipe()
        options |= {"server_side": server_side, "failed": self.failed.append}
        self.tls = TlsLink(None, context, self.made, **options)
        self.pipe.put(self.tls)

    def made(self, link):
        self.top = Top()
        return self.top

    def take(self):
        """Settle; give the ciphertext that was written."""
        self.pipe.settling()
        written, self.pipe.written = self.pipe.written, b""
        return written


class Couple:
    """Two ends whose bytes `carry` brings across, `piece` at a time."""

    def __init__(self, server=None, client=None, piece=1 << 20, **options):
        self.server = End(server or server_context(), server_side=True, **options)
        self.client = End(client or client_context(), server_side=False, server_hostname="localhost")
        self.piece = piece
        self.client.tls.start()
        self.carry()

    def carry(self):
        moving = True
        while moving:
            moving = False
            for one, other in ((self.client, self.server), (self.server, self.client)):
                data = one.take()
                for start in range(0, len(data), self.piece):
                    other.pipe.feed(data[start : start + self.piece])
                moving = moving or bool(data)


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
@pytest.mark.parametrize("piece", [1, 7, 1 << 20])
def test_bytes_go_both_ways_however_they_are_cut(version, piece):
    couple = Couple(client=client_context(version=version), piece=piece)
    assert couple.client.tls.established
    assert couple.server.tls.established
    couple.client.top.write(b"question")
    couple.server.top.write(b"answer")
    couple.carry()
    assert couple.server.top.data == b"question"
    assert couple.client.top.data == b"answer"
    assert couple.server.top.extra("ssl_object").version() == (
        "TLSv1.2" if version == ssl.TLSVersion.TLSv1_2 else "TLSv1.3"
    )


@pytest.mark.parametrize("size", [1, 16_383, 16_384, 16_385, 100_000, 262_144, 262_145, 1_000_000, 5_000_000])
def test_much_at_once(size):
    couple = Couple()
    data = bytes(range(256)) * (size // 256 + 1)
    for one, other in ((couple.client, couple.server), (couple.server, couple.client)):
        one.top.write(data[:size])
        couple.carry()
        assert other.top.data == data[:size]
        assert one.top.queued() == 0


def test_what_is_written_in_one_turn_is_one_record():
    couple = Couple()
    for _ in range(100):
        couple.server.top.write(b"x" * 10)
    assert len(couple.server.take()) < 1000 + 100


def test_while_much_ciphertext_waits_plaintext_can_still_be_dropped():
    couple = Couple()
    couple.server.pipe.backlog = 1 << 17
    couple.server.top.write(b"dropped")
    assert couple.server.take() == b""
    assert couple.server.top.queued() == (1 << 17) + 7
    couple.server.top.discard()
    assert couple.server.top.queued() == 1 << 17
    couple.server.top.write(b"kept")
    couple.server.pipe.backlog = 0
    couple.server.pipe.drained()
    couple.carry()
    assert couple.client.top.data == b"kept"
    assert couple.server.top.learnt == ["drained"]


def test_a_goodbye_ends_what_the_peer_says_but_not_what_we_say():
    couple = Couple(client=client_context(version=ssl.TLSVersion.TLSv1_3))
    couple.client.top.write(b"last")
    couple.client.top.finish()
    couple.carry()
    assert couple.server.top.data == b"last"
    assert couple.server.top.learnt == ["ended"]
    assert couple.client.pipe.calls.count("finish") == 1


def test_finishing_sends_what_is_queued_first():
    couple = Couple()
    couple.server.top.write(b"x" * 1_000_000)
    couple.server.top.finish()
    couple.server.top.write(b"late")
    couple.carry()
    assert couple.client.top.data == b"x" * 1_000_000
    assert couple.client.top.learnt == ["ended"]


def test_an_end_without_a_goodbye():
    couple = Couple()
    couple.server.pipe.ended()
    assert couple.server.top.learnt == ["ended"]


def test_what_is_no_handshake():
    end = End(server_context(), server_side=True)
    end.pipe.feed(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    assert isinstance(end.failed[0], ssl.SSLError)
    assert end.pipe.calls == ["finish"]
    assert end.top is None
    end.pipe.feed(b"more")
    assert len(end.failed) == 1


def test_a_server_that_is_not_trusted():
    couple = Couple(client=client_context(trusting=False))
    assert isinstance(couple.client.failed[0], ssl.SSLCertVerificationError)
    assert couple.client.top is None


def test_a_wrong_record_later_on_ends_it():
    couple = Couple()
    couple.server.pipe.feed(b"\x17\x03\x03\x00\x20" + b"x" * 32)
    assert couple.server.pipe.calls == ["abort"]
    assert couple.server.top.data == b""


def test_a_pipe_lost_during_the_handshake():
    end = End(server_context(), server_side=True)
    end.pipe.lost(None)
    assert isinstance(end.failed[0], ConnectionResetError)


def test_a_pipe_lost_later():
    couple = Couple()
    couple.server.pipe.lost(OSError())
    assert couple.server.top.learnt == ["lost"]
    assert couple.server.failed == []
    couple.server.tls.write(b"late")
    couple.server.tls.finish()


def test_a_slow_handshake_ends():
    end = End(server_context(), server_side=True, timeout=10)
    end.pipe.sweep(100)
    end.pipe.sweep(109)
    assert end.pipe.calls == []
    end.pipe.sweep(111)
    assert end.pipe.calls == ["abort"]


# On sockets


async def echo(ws):
    async for message in ws:
        await ws.send(message)


async def test_messages_over_tls(engine):
    async with serve(echo, "127.0.0.1", engine=engine, ssl=server_context(), compression=None) as server:
        async with await Peer.open(server.port, ssl=client_context()) as peer:
            (ws,) = server.connections
            assert ws.request.secure
            assert ws.remote_address == peer.writer.get_extra_info("sockname")
            peer.send(FIN | TEXT, b"hello")
            assert await peer.frame() == (FIN | TEXT, b"hello")
            peer.writer.write(b"".join(masked(FIN | TEXT, b"%d" % i) for i in range(1000)))
            assert [(await peer.frame())[1] for _ in range(1000)] == [b"%d" % i for i in range(1000)]
            big = b"x" * 1_000_000
            peer.send(FIN | BINARY, big)
            assert await peer.frame() == (FIN | BINARY, big)
            peer.close()
            assert await peer.frame() == code(1000)
            assert await peer.frame() is None


async def test_a_slow_reader_over_tls_is_cut_off(engine, caplog):
    websockets = []
    options = {
        "on_message": lambda *_: None,
        "on_open": websockets.append,
        "write_limit": 200_000,
        "close_timeout": 0.2,
    }
    async with serve(host="127.0.0.1", engine=engine, ssl=server_context(), **options) as server:
        async with await Peer.open(server.port, ssl=client_context(), receive_buffer=4096) as peer:
            most = 0
            for _ in range(10_000):
                websockets[0].write_frame(b"\x82\x7e\x27\x10" + b"x" * 10_000)
                most = max(most, websockets[0].queued())
                await asyncio.sleep(0)
                if loud(caplog):
                    break
            assert [record.levelname for record in loud(caplog)] == ["WARNING"]
            assert most < 1_000_000
            await peer.leave()


async def test_a_waiting_sender_over_tls_goes_on(engine):
    done = []

    async def handle(ws):
        for _ in range(100):
            await ws.send(b"x" * 100_000)
        done.append(True)

    async with serve(handle, "127.0.0.1", engine=engine, ssl=server_context(), compression=None) as server:
        async with await Peer.open(server.port, ssl=client_context(), receive_buffer=4096) as peer:
            assert [len((await peer.frame())[1]) for _ in range(100)] == [100_000] * 100
            assert await peer.frame() == code(1000)
    assert done == [True]


async def test_plain_http_at_a_tls_port_harms_nobody(engine, caplog):
    caplog.set_level(logging.INFO)
    async with serve(echo, "127.0.0.1", engine=engine, ssl=server_context()) as server:
        async with await Peer.dial(server.port) as peer:
            peer.writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            assert b"HTTP" not in await peer.ended()
        async with await Peer.open(server.port, ssl=client_context()) as peer:
            peer.send(FIN | TEXT, b"hello")
            assert await peer.frame() == (FIN | TEXT, b"hello")
    assert [record.message for record in caplog.records if record.name == "everywire.tls"] == [
        "TLS handshake failed: HTTP_REQUEST"
    ]


async def test_peers_that_vanish_during_the_handshake(engine):
    async with serve(echo, "127.0.0.1", engine=engine, ssl=server_context(), open_timeout=0.04) as server:
        async with await Peer.dial(server.port) as peer:
            peer.writer.write(b"\x16\x03\x01")
            await peer.leave()
        async with await Peer.dial(server.port) as peer:
            async with asyncio.timeout(3):
                assert await peer.ended() == b""


async def test_closing_the_server_over_tls(engine):
    async with serve(echo, "127.0.0.1", engine=engine, ssl=server_context()) as server:
        peer = await Peer.open(server.port, ssl=client_context())
        await until(lambda: server.connections)
        server.close()
        assert await peer.frame() == code(1001)
        peer.close(1001)
        assert await peer.frame() is None
        await server.wait_closed()
        await peer.leave()
