"""The machine's broker: what all processes of one user share that call it by the same name.

Whoever finds nobody at its socket starts an authority, as `servers/workers` has one; it ends by itself once nobody was linked for a while.
Its logs end with it.
"""

from __future__ import annotations

import asyncio
import fcntl
import hashlib
import logging
import os
import secrets
import signal
import socket
import stat
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final, TypeAlias

import msgspec

from everywire.brokers.base import Broker
from everywire.brokers.local import LocalBroker, Patience, connector
from everywire.brokers.local.wire import DIGEST
from everywire.hub.world import World
from everywire.metrics import Metrics
from everywire.servers import here, listening
from everywire.servers.workers import authority
from everywire.servers.workers.holders import is_authority

__all__ = ["IDLE", "MakeBroker", "Meeting", "machine"]

MakeBroker: TypeAlias = Callable[[World, Metrics], Broker]

_log = logging.getLogger("everywire.servers")
IDLE: Final = 10.0  # seconds without any link after which the authority ends
_PATIENCE = Patience(answer=10.0, silence=8.0)  # an authority that was just started has to import first
_TRIES, _PAUSE = (
    40,
    0.05,
)  # how often, and after how many seconds, it is looked whether an authority serves that was just begun
_CREDENTIALS = struct.calcsize("3i")  # unix(7): process, user, group
_LONGEST = 100  # characters of a Unix socket's path: unix(7) has 108, those of the lock and the log are no longer
# It is nobody's child, or whoever started it would have to wait for its end.
_LAUNCH = "import os, sys\nif os.fork(): os._exit(0)\nsys.path[:] = {path!r}\nfrom everywire.servers.workers.authority import main\nmain()"


class Meeting:
    """Where the processes that share a broker meet: a socket, a lock beside it for who starts the authority, and a log of what that one says.

    Releases that speak differently meet at different places.
    """

    def __init__(self, name: str, folder: Path | None = None, idle: float = IDLE) -> None:
        folder = private_folder() if folder is None else folder
        digest = hashlib.sha256(f"{name}\n{DIGEST}".encode()).hexdigest()[:16]
        self.path: Final = folder / f"{digest}.sock"
        self.lock: Final = folder / f"{digest}.lock"
        self.log: Final = folder / f"{digest}.log"
        self._idle: Final = idle
        if len(str(self.path)) > _LONGEST:
            raise OSError(
                f"{folder} is too long a path for a Unix socket: set TMPDIR or XDG_RUNTIME_DIR to a shorter one"
            )

    def begin(self) -> None:
        """Start an authority, unless there is one; whoever comes meanwhile waits in its socket's queue. Takes some milliseconds.

        Raises `OSError` where it cannot be started.
        """
        _owned(self.path.parent)  # it may be gone since: that in XDG_RUNTIME_DIR goes with the user's last login
        with open(self.lock, "w") as held:
            fcntl.flock(held, fcntl.LOCK_EX)
            if _listener(self.path) is not None:
                return
            if self.path.is_symlink():
                self.path.unlink()  # it led to a supervisor that has ended
            with listening.unix(str(self.path)) as sock:
                self._launch(sock)

    def lead_to(self, path: str) -> bool:
        """Have those who meet here meet at `path`, where a supervisor's broker listens; false where another supervisor's is met here.

        An authority that belongs to nobody ends: those who are linked to it come here again.
        """
        with open(self.lock, "w") as held:
            fcntl.flock(held, fcntl.LOCK_EX)
            if self.path.is_symlink() and os.readlink(self.path) == path:
                return True
            needless = self._authority()
            if needless is not None and self.path.is_symlink():
                return False
            leading = self.path.with_suffix(".new")
            leading.unlink(missing_ok=True)
            leading.symlink_to(path)
            leading.replace(self.path)
            if needless is not None and is_authority(needless):
                with suppress(ProcessLookupError):
                    os.kill(needless, signal.SIGTERM)
        return True

    def _authority(self) -> int | None:
        """Give the authority that is met here; before it serves, its socket is that of whoever began it, who is to live."""
        found = _listener(self.path)
        for _ in range(_TRIES):
            if found is None or is_authority(found):
                break
            time.sleep(_PAUSE)
            found = _listener(self.path)
        return found

    def _launch(self, sock: socket.socket) -> None:
        given = authority.Given(
            sock.fileno(),
            idle=self._idle,
            place=str(self.path),
            mark=listening.mark(str(self.path)),
            lock=str(self.lock),
        )
        with open(self.log, "w") as log:
            code = subprocess.run(
                [_python(), "-c", _LAUNCH.format(path=sys.path)],
                env={**os.environ, authority.ENVIRONMENT: msgspec.json.encode(given).decode()},
                pass_fds=[sock.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                check=False,
            ).returncode
        if code:
            raise OSError(f"the machine's broker does not start (exit code {code}); {self.log} says why")

    def broker(self, _: World, metrics: Metrics) -> Broker:
        """Make a broker that is linked to the authority; on the running loop."""
        loop = asyncio.get_running_loop()
        name = f"{os.getpid()}.{secrets.token_hex(6)}"
        return LocalBroker(connector(str(self.path), loop, self.begin), loop, name, _PATIENCE, metrics)


def machine(name: str | None = None) -> MakeBroker:
    """Give what makes the broker that all processes of this user on this machine share by `name`, that of their working directory by default.

    In a worker of `everywire run --workers` it is the broker of all workers, which others who call it by that name are led to.
    Raises `OSError` where there is no folder for its socket that is this user's alone.
    """
    called = f"folder {os.path.realpath(os.getcwd())}" if name is None else f"name {name}"

    def make(world: World, metrics: Metrics) -> Broker:
        meeting, worker = Meeting(called), here.worker()
        if worker is None:
            return meeting.broker(world, metrics)
        if not meeting.lead_to(str(worker.given.broker)):
            _log.warning("another everywire shares the broker of this name; processes without a server have that one's")
        return worker.broker(world, metrics)

    return make


def _python() -> str:
    """Give the path of Python, also in a program that has it built in, as uWSGI: there `sys.executable` is that program."""
    if Path(sys.executable or "").name.startswith(("python", "pypy")):
        return sys.executable
    beside = Path(sys.exec_prefix) / "bin" / "python3"
    return str(beside) if beside.exists() else sys.executable or "python3"


def _listener(path: Path) -> int | None:
    """Give the process that listens at a Unix socket; None where nobody does."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        try:
            probe.connect(str(path))
        except OSError:
            return None
        return int.from_bytes(probe.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS)[:4], sys.byteorder)


def private_folder() -> Path:
    """Give the folder of this user's sockets, which nobody else may enter: whoever may speak to a broker may publish in anybody's name."""
    runtime = os.environ.get("XDG_RUNTIME_DIR", "")
    own = os.path.isdir(runtime) and os.stat(runtime).st_uid == os.geteuid()
    return _owned(Path(runtime) / "everywire" if own else Path(tempfile.gettempdir()) / f"everywire-{os.geteuid()}")


def _owned(folder: Path) -> Path:
    """Make a folder, if it is not there; raises `PermissionError` for one that is not this user's alone."""
    folder.mkdir(mode=0o700, exist_ok=True)
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid() or found.st_mode & 0o077:
        raise PermissionError(f"{folder} has to be a folder of this user, that nobody else may enter (mode 0700)")
    return folder
