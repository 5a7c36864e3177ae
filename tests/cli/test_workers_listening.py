"""Several workers behind TLS, on a Unix socket, and on sockets that somebody else opened."""

import asyncio
import os
import signal
import socket
import ssl
import subprocess
import sys

import trustme
from tests.cli.commands import PATIENCE, started
from tests.cli.several import APP, Ear, spread

from everywire.testing import passed


async def crossed(address, **how):
    """Connect until both workers have a client; gives their process ids, after a message went from one to the other."""
    async with spread(address, 2, **how) as clients:
        ann, ben = clients.values()
        ear = Ear(ben, "log:a")
        await ear.subscription.ready()
        number = (await ann.publish("log:a", 0)).offset
        await ann.publish("log:a", number)
        await ear.until(number)
        return {*clients}


async def test_several_workers_speak_tls(tmp_path):
    authority = trustme.CA()
    authority.issue_cert("localhost").private_key_and_cert_chain_pem.write_to_path(tmp_path / "both.pem")
    context = ssl.create_default_context()
    authority.configure_trust(context)
    (tmp_path / "live.py").write_text(APP)
    options = ("--port", "0", "--workers", "2", "--certfile", str(tmp_path / "both.pem"))
    async with started("run", "live:app", *options, cwd=tmp_path) as run:
        address = (await run.says(r"live:app is at (wss://localhost:\S+)  \("))[1]
        await crossed(address, connect={"ssl": context})
        assert await run.end() == 0


async def test_several_workers_share_a_unix_socket_also_with_their_successors(tmp_path):
    path = str(tmp_path / "socket")
    (tmp_path / "live.py").write_text(APP)
    options = ("--unix", path, "--workers", "2", "--drain", "0")
    async with started("run", "live:app", *options, cwd=tmp_path) as run:
        await run.says(f"live:app is at unix:{path}, path /everywire")
        how = {"connect": {"path": path}}
        before = await crossed("ws://localhost/everywire", **how)
        run.process.send_signal(signal.SIGHUP)
        await run.says("replaced 2 workers")
        after = await crossed("ws://localhost/everywire", **how)
        assert not before & after
        assert await run.end() == 0
    assert not os.path.exists(path)


async def test_several_workers_share_an_inherited_socket(tmp_path):
    """As systemd hands it over: descriptor 3, LISTEN_FDS and LISTEN_PID."""
    (tmp_path / "live.py").write_text(APP)
    script = (
        "import os; os.dup2(int(os.environ['FROM']), 3); os.set_inheritable(3, True);"
        "os.environ.update(LISTEN_FDS='1', LISTEN_PID=str(os.getpid()));"
        "from everywire.cli import commands; commands(['run', 'live:app', '--workers', '2'])"
    )
    with socket.create_server(("127.0.0.1", 0)) as sock:
        sock.listen(100)
        child = subprocess.Popen(
            [sys.executable, "-c", script],
            cwd=tmp_path,
            env={**os.environ, "FROM": str(sock.fileno())},
            pass_fds=[sock.fileno()],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            await crossed(f"ws://127.0.0.1:{sock.getsockname()[1]}/everywire")
        finally:
            child.terminate()
            async with asyncio.timeout(PATIENCE):
                while child.poll() is None:
                    await passed(0.02)
    assert child.returncode == 0
