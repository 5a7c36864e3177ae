"""Child processes: ready, late, or over."""

import signal
import sys

from everywire.servers.workers.child import Child

READY = """
import os, signal, socket
line = socket.socket(fileno=int(os.environ["LINE"]))
line.send(b'{"type":"ready","path":"/live"}\\n')
line.recv(100)
line.send(b'{"type":"drained","count":7}\\n')
"""


async def child(code):
    return await Child.start([sys.executable, "-c", code], lambda number: ("LINE", str(number)), [])


async def test_a_child_that_says_so_is_ready_and_its_last_word_is_kept():
    started = await child(READY)
    assert await started.begun(20)
    assert started.said.path == "/live"
    started.say(started.said)
    await started.over.wait()
    assert (started.code, started.fate, started.clients_gone) == (0, "ended with exit code 0", 7)


async def test_one_that_ends_before_is_not_ready():
    started = await child("raise SystemExit(3)")
    assert not await started.begun(20)
    assert started.fate == "ended with exit code 3"
    started.signal(signal.SIGTERM)  # nobody is there


async def test_one_that_takes_too_long_is_killed():
    started = await child("import time; time.sleep(60)")
    assert not await started.begun(0.1)
    assert started.fate == "was killed by SIGKILL"
