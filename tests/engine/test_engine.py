"""What every engine does for the storeys above it."""

import asyncio
import gc
import logging
import resource
import socket

import pytest
from tests.engine.peer import until
from tests.engine.place import Place, Top, echo, receive, receive_all

from everywire import engine as engines


async def test_there_is_one_engine_of_a_kind_per_loop(engine):
    assert engines.current(engine) is engines.current(engine)
    assert engines.current(engine).name == engine
    assert engines.current(engine).loop is asyncio.get_running_loop()


def test_each_loop_has_an_engine_of_its_own(engine):
    async def current():
        return engines.current(engine)

    first, second = asyncio.run(current()), asyncio.run(current())
    assert first is not second


async def test_the_best_engine_is_the_default(monkeypatch):
    monkeypatch.delenv("EVERYWIRE_ENGINE", raising=False)
    assert engines.current().name == engines.available()[0]
    monkeypatch.setenv("EVERYWIRE_ENGINE", "portable")
    assert engines.current().name == "portable"


async def test_an_engine_that_is_not_there():
    with pytest.raises(RuntimeError, match="everywire doctor"):
        engines.current("steam")


async def test_bytes_come_and_go(engine):
    async with Place(engine, echo) as place:
        sock, top = await place.client()
        for data in (b"abc", b"x" * 10_000):
            sock.sendall(data)
            assert await receive(sock) == data
        assert top.data == b"abc" + b"x" * 10_000
        assert place.engine.count >= 1


async def test_settling_is_the_last_moment_to_write(engine):
    class Late(Top):
        def settling(self):
            if self.data:
                self.write(b"!" + self.data)
                self.data = b""

    async with Place(engine) as place:
        place.make = lambda: place.tops.append(Late()) or place.tops[-1]
        sock, top = await place.client()
        top.react = lambda top, data: top.wake()
        sock.sendall(b"abc")
        assert await receive(sock) == b"!abc"


async def test_finishing_sends_what_is_queued_and_waits_for_the_peer(engine):
    async with Place(engine) as place:
        sock, top = await place.client()
        top.write(b"x" * 300_000)
        top.finish()
        top.write(b"late")
        assert await receive_all(sock) == b"x" * 300_000
        assert not top.over
        sock.sendall(b"ignored")
        sock.shutdown(socket.SHUT_WR)
        await until(lambda: top.over)
        assert top.learnt[-1] == ("lost", None)
        assert top.data == b""


async def test_leaving_does_not_wait_for_the_peer(engine):
    async with Place(engine) as place:
        sock, top = await place.client()
        top.write(b"bye")
        top.leave()
        await until(lambda: top.over)
        assert await receive_all(sock) == b"bye"
        assert top.learnt[-1] == ("lost", None)


@pytest.mark.parametrize("size", [0, 10_000_000])
async def test_a_peer_that_never_ends_is_waited_for_no_longer_than_fin_timeout(engine, size):
    async with Place(engine, fin_timeout=0.02) as place:
        place.engine.watch(0.04)
        begun = place.engine.clock()
        _, top = await place.client(SO_RCVBUF=4096)
        top.write(bytes(size))  # if any, the peer does not take them
        top.finish()
        await until(lambda: top.over)
        least = 0.02 if size == 0 else 5 * 0.02
        assert place.engine.clock() - begun > least


async def test_aborting_ends_at_once(engine):
    async with Place(engine) as place:
        sock, top = await place.client()
        top.abort()
        top.abort()
        await until(lambda: top.over)
        assert await receive_all(sock) == b""
        top.below = None
        top.write(b"late")
        top.finish()
        top.abort()


async def test_a_peer_that_goes_on_reading_may_end_first(engine):
    async with Place(engine) as place:
        sock, top = await place.client()
        top.ends_too = False
        sock.sendall(b"abc")
        sock.shutdown(socket.SHUT_WR)
        await until(lambda: "ended" in top.learnt)
        assert top.data == b"abc"
        top.write(b"answer")
        top.finish()
        assert await receive_all(sock) == b"answer"
        await until(lambda: top.over)
        assert top.learnt.count("ended") == 1


async def test_a_reset_is_reported(engine):
    async with Place(engine) as place:
        sock, top = await place.client()
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        sock.close()
        await until(lambda: top.over)
        assert isinstance(top.learnt[-1][1], OSError)


async def test_reading_can_be_stopped(engine):
    async with Place(engine) as place:
        sock, top = await place.client()
        top.reading(False)
        sock.sendall(b"abc")
        for _ in range(20):
            await asyncio.sleep(0)
        assert top.data == b""
        top.reading(True)
        await until(lambda: top.data == b"abc")
        top.reading(True)
        sock.sendall(b"def")
        await until(lambda: top.data == b"abcdef")


async def test_facts(engine):
    async with Place(engine) as place:
        sock, top = await place.client()
        assert top.extra("peername") == sock.getsockname()
        assert top.extra("sockname") == sock.getpeername()
        assert top.extra("ssl_object") is None
        ground = top.extra("ground")
        assert ground is top.below
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        address = sock.getsockname()
        sock.close()
        await until(lambda: top.over)
        assert ground.extra("peername") == address  # the kernel has forgotten it


async def test_the_address_of_a_peer_with_ipv6(engine):
    if not socket.has_dualstack_ipv6():
        pytest.skip("there is no IPv6 here")
    async with Place(engine) as place:
        sock = socket.create_server(("::1", 0), family=socket.AF_INET6)
        listener = await place.engine.listen(sock, place.make)
        with socket.create_connection(sock.getsockname()[:2]) as client:
            await until(lambda: place.tops)
            assert place.tops[0].extra("peername") == client.getsockname()
        listener.abort()


async def test_the_address_of_a_peer_on_a_unix_socket(engine, tmp_path):
    async with Place(engine) as place:
        with socket.socket(socket.AF_UNIX) as sock, socket.socket(socket.AF_UNIX) as client:
            sock.bind(str(tmp_path / "server"))
            sock.listen()
            listener = await place.engine.listen(sock.dup(), place.make)
            client.bind(str(tmp_path / "client"))
            client.connect(str(tmp_path / "server"))
            await until(lambda: place.tops)
            assert place.tops[0].extra("peername") == str(tmp_path / "client")
            listener.abort()


async def test_the_time_is_told(engine):
    async with Place(engine) as place:
        place.engine.watch(0.04)
        _, top = await place.client()
        await until(lambda: sum(isinstance(one, float) for one in top.learnt) >= 2)
        first, second = (one for one in top.learnt if isinstance(one, float))
        assert 0 < second - first < 1
        assert abs(place.engine.clock() - second) < 1


async def test_an_error_ends_only_its_own_connection(engine, caplog):
    def fail(top, data):
        if data == b"bad":
            raise ZeroDivisionError
        top.write(data)

    async with Place(engine, fail) as place:
        bad, bad_top = await place.client()
        good, _ = await place.client()
        bad.sendall(b"bad")
        assert await receive_all(bad) == b""
        await until(lambda: bad_top.over)
        good.sendall(b"good")
        assert await receive(good) == b"good"
    (record,) = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert record.exc_info[0] is ZeroDivisionError


async def test_an_error_while_a_connection_is_set_up(engine, caplog):
    async with Place(engine) as place:
        place.make = lambda: 1 / 0
        sock = socket.create_connection(("127.0.0.1", place.port))
        place.clients.append(sock)
        sock.setblocking(False)
        assert await receive_all(sock) == b""
    assert sum(record.levelno == logging.ERROR for record in caplog.records) == 1


async def test_handlers_may_end_themselves_and_each_other(engine):
    async with Place(engine) as place:
        first, first_top = await place.client()
        second, second_top = await place.client()

        def react(top, data):
            for one in (first_top, second_top):
                one.write(b"bye")
                one.abort() if data == b"abort" else one.finish()

        first_top.react = second_top.react = react
        first.sendall(b"finish")
        assert await receive_all(first) == b"bye"
        assert await receive_all(second) == b"bye"
        first.close()
        second.close()
        await until(lambda: first_top.over and second_top.over)


async def test_a_descriptor_used_again_gets_nothing_of_its_predecessor(engine):
    async with Place(engine, echo) as place:
        for i in range(50):
            sock, top = await place.client()
            sock.sendall(b"%d" % i)
            assert await receive(sock) == b"%d" % i
            if i % 2:
                top.write(b"unread" * 100)
                top.abort()
            else:
                sock.close()
            await until(lambda top=top: top.over)
            assert top.data == b"%d" % i


async def test_many_connections_at_once(engine):
    async with Place(engine, echo) as place:
        socks = [(await place.client())[0] for _ in range(150)]
        for i, sock in enumerate(socks):
            sock.sendall(b"%d" % i)
        assert [await receive(sock) for sock in socks] == [b"%d" % i for i in range(150)]


async def test_an_outgoing_socket_is_adopted(engine):
    async with Place(engine, echo) as place:
        sock = socket.create_connection(("127.0.0.1", place.port))
        top = Top()
        lowest = await place.engine.adopt(sock, top)
        assert top.below is lowest
        top.write(b"abc")
        await until(lambda: top.data == b"abc")
        lowest.abort()
        await until(lambda: top.over)


async def test_a_listener_that_ended_accepts_nobody(engine):
    async with Place(engine) as place:
        sock, top = await place.client()
        place.listener.abort()
        place.listener.abort()
        with pytest.raises(OSError, match="refused"):
            socket.create_connection(("127.0.0.1", place.port))
        sock.sendall(b"abc")
        await until(lambda: top.data == b"abc")


async def test_closing_the_engine_ends_everything(engine):
    async with Place(engine) as place:
        clients = [await place.client() for _ in range(3)]
        place.engine.close()
        for sock, top in clients:
            assert await receive_all(sock) == b""
            assert top.over


async def test_closing_the_engine_from_a_connection_of_its_own(engine):
    seen = []

    def close(top, data):
        place.engine.close()
        seen.append(top.over)  # nobody is buried while it runs

    async with Place(engine, close) as place:
        clients = [await place.client() for _ in range(3)]
        clients[1][0].sendall(b"x")
        for sock, top in clients:
            assert await receive_all(sock) == b""
            await until(lambda top=top: top.over)
    assert seen == [False]


async def test_an_engine_without_sockets_leaves_nothing_in_the_loop(engine):
    async with Place(engine) as place:
        await place.client()
    loop = asyncio.get_running_loop()
    gc.collect()
    mine = [handle for handle in loop._scheduled if not handle.cancelled() and "weep" in repr(handle)]
    assert mine == []


async def test_an_engine_can_be_used_again_after_it_was_empty(engine):
    for _ in range(2):
        async with Place(engine, echo) as place:
            sock, _ = await place.client()
            sock.sendall(b"abc")
            assert await receive(sock) == b"abc"


async def test_unix_sockets_are_like_any_other(engine, tmp_path):
    listening = socket.socket(socket.AF_UNIX)
    listening.bind(str(tmp_path / "s"))
    listening.listen()
    tops = []
    found = engines.current(engine)
    listener = await found.listen(listening, lambda: tops.append(Top(echo)) or tops[-1])
    with socket.socket(socket.AF_UNIX) as sock:
        sock.connect(str(tmp_path / "s"))
        sock.setblocking(False)
        sock.sendall(b"abc")
        assert await receive(sock) == b"abc"
    await until(lambda: tops[0].over)
    listener.abort()


async def test_a_connection_that_is_accepted_as_listening_ends_is_served(engine):
    async with Place(engine, echo) as place:
        with socket.create_connection(("127.0.0.1", place.port)) as client:
            for _ in range(2):  # the turn in which the loop hears of it
                await asyncio.sleep(0)
            place.listener.abort()
            client.setblocking(False)
            client.sendall(b"abc")
            assert await receive(client) == b"abc"


async def test_running_out_of_descriptors_is_waited_out(engine, caplog):
    async with Place(engine, echo) as place:
        waiting = [socket.socket() for _ in range(3)]
        place.clients += waiting
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        with socket.socket() as highest:
            resource.setrlimit(resource.RLIMIT_NOFILE, (highest.fileno(), hard))
        try:
            for sock in waiting:
                sock.setblocking(False)
                await asyncio.get_running_loop().sock_connect(sock, ("127.0.0.1", place.port))
            await until(lambda: "cannot accept" in caplog.text)
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        for sock in waiting:
            sock.sendall(b"abc")
            assert await receive(sock) == b"abc"
    assert caplog.text.count("cannot accept") <= 2


async def test_running_out_of_descriptors_is_told_once_a_minute(engine, caplog):
    async with Place(engine, echo) as place:
        waiting = socket.socket()
        place.clients.append(waiting)
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        with socket.socket() as highest:
            resource.setrlimit(resource.RLIMIT_NOFILE, (highest.fileno(), hard))
        try:
            waiting.setblocking(False)
            await asyncio.get_running_loop().sock_connect(waiting, ("127.0.0.1", place.port))
            await until(lambda: "cannot accept" in caplog.text)
            for _ in range(3):
                place.listener.again()
                await asyncio.sleep(0)
                await asyncio.sleep(0)
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        await until(lambda: place.tops)
    assert caplog.text.count("cannot accept") == 1
