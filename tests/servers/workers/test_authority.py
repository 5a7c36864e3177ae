"""The authority as a process: it serves at its socket, and ends with its supervisor."""

import asyncio
import socket
import sys

import msgspec
import pytest
from tests.contracts.broker import KEEP, draft

from everywire.brokers.local import LocalBroker, connector
from everywire.servers import listening
from everywire.servers.workers.authority import ENVIRONMENT, Given
from everywire.servers.workers.child import Child

COMMAND = [sys.executable, "-c", "from everywire.servers.workers.authority import main; main()"]


async def started(sock, history=None):
    def errand(control):
        return ENVIRONMENT, msgspec.json.encode(Given(sock.fileno(), control, history)).decode()

    return await Child.start(COMMAND, errand, [sock.fileno()])


@pytest.fixture
def sock(tmp_path):
    with listening.unix(str(tmp_path / "s")) as sock:
        yield sock


async def test_it_serves_until_the_line_to_its_supervisor_ends(sock, tmp_path):
    child = await started(sock)
    assert await child.begun(20)
    loop = asyncio.get_running_loop()
    broker = LocalBroker(connector(str(tmp_path / "s"), loop), loop, "w")
    broker.listen(lambda _: None)
    assert (await broker.publish("c", draft(1), KEEP)).position.offset == 1
    await broker.close()
    child._control.close()
    await child.over.wait()
    assert child.code == 0


async def test_a_file_that_cannot_be_used_is_said_in_one_line(sock, tmp_path, capfd):
    child = await started(sock, str(tmp_path / "no" / "file"))
    assert not await child.begun(20)
    assert child.code == 2
    assert (
        capfd.readouterr().err
        == f"Error: cannot use {tmp_path / 'no' / 'file'} for history: No such file or directory\n"
    )
    assert isinstance(sock, socket.socket)
