"""Ports that several workers share: with each other, and with nobody else."""

import contextlib
import socket

import pytest

from everywire.servers import listening
from everywire.servers.workers.ports import Ports


@pytest.fixture
def port():
    with socket.create_server(("127.0.0.1", 0)) as sock:
        return sock.getsockname()[1]


@pytest.fixture
def workers(tmp_path):
    """Two workers of one server, and one of another."""
    for name in ("one", "other"):
        (tmp_path / name).mkdir()
    with contextlib.ExitStack() as stack:
        yield [stack.enter_context(contextlib.closing(Ports(tmp_path / name))) for name in ("one", "one", "other")]


@contextlib.contextmanager
def opened(ports, port):
    (sock,) = ports.listen("127.0.0.1", port)
    with sock:
        yield sock


def test_the_workers_of_one_server_share_a_port(workers, port):
    one, two, _ = workers
    with opened(one, port) as first, opened(two, port) as second:
        first.setblocking(False)
        second.setblocking(False)
        came = [socket.create_connection(("127.0.0.1", port), timeout=5) for _ in range(40)]
        assert min(accepted(first), accepted(second)) > 0
        for each in came:
            each.close()


def accepted(sock):
    count = 0
    with contextlib.suppress(BlockingIOError):
        while True:
            sock.accept()[0].close()
            count += 1
    return count


def test_another_server_is_refused_by_the_name_of_the_port_and_told_the_cure(workers, port):
    one, _, other = workers
    why = rf"cannot listen on 127.0.0.1 port {port}: it is another server's; .*app.admin\(port=…\)"
    with opened(one, port), pytest.raises(OSError, match=why):
        other.listen("127.0.0.1", port)


def test_so_is_one_where_somebody_shares_it_with_anybody(workers, port):
    with listening.tcp("127.0.0.1", port, reuse_port=True)[0], pytest.raises(OSError, match="another server's"):
        workers[0].listen("127.0.0.1", port)


def test_so_is_the_next_worker_while_the_first_that_was_refused_is_there(workers, port):
    with listening.tcp("127.0.0.1", port, reuse_port=True)[0]:
        for worker in workers[:2]:
            with pytest.raises(OSError, match="another server's"):
                worker.listen("127.0.0.1", port)


def test_a_port_that_none_of_its_workers_has_any_more_is_anybodys(workers, port):
    one, again, other = workers
    with opened(one, port):
        pass
    one.close()  # as its process's end does
    with opened(other, port), pytest.raises(OSError, match="another server's"):
        again.listen("127.0.0.1", port)


def test_an_address_that_is_not_this_machines_is_an_error_of_its_own(workers, port):
    with pytest.raises(OSError, match="Cannot assign"):
        workers[0].listen("192.0.2.1", port)
