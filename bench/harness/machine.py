"""Facts about the machine and the programs, so that a recorded result can be read years later."""

from __future__ import annotations

import contextlib
import importlib.metadata
import json
import os
import platform
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import Any

from harness.places import NODE_MODULES, REPOSITORY
from harness.servers import node

PACKAGES = ("everywire", "picows", "aiofastnet", "websockets", "aiohttp", "uvicorn", "uvloop", "httptools", "Cython")
PEERS = ("python-socketio", "channels", "Django")


def _output(*command: str) -> str:
    with contextlib.suppress(OSError, subprocess.SubprocessError):
        done = subprocess.run(command, capture_output=True, text=True, timeout=10, cwd=REPOSITORY, check=False)
        return done.stdout.strip().splitlines()[0] if done.returncode == 0 and done.stdout.strip() else ""
    return ""


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.processor()


def _tcp() -> str:
    """The congestion control in use: it is part of what a send costs, on loopback too."""
    with contextlib.suppress(OSError):
        return Path("/proc/sys/net/ipv4/tcp_congestion_control").read_text().strip()
    return ""


def _python() -> dict[str, Any]:
    flags = str(sysconfig.get_config_var("CONFIG_ARGS") or "")
    wanted = {"PGO": "--enable-optimizations", "LTO": "--with-lto"}
    build = " and ".join(name for name, flag in wanted.items() if flag in flags) or "no PGO, no LTO"
    if Path(sys.executable).resolve().is_relative_to("/usr/bin"):
        build = "the distribution's"  # Debian's has both, but its configuration does not say so
    return {
        "version": platform.python_version(),
        "build": build,
        "free_threaded": bool(sysconfig.get_config_var("Py_GIL_DISABLED")),
    }


def _node_package(name: str) -> str:
    with contextlib.suppress(OSError, ValueError):
        text = (NODE_MODULES / "node_modules" / name / "package.json").read_text()
        return str(json.loads(text)["version"])
    return ""


def _versions() -> dict[str, str]:
    found = {}
    for name in (*PACKAGES, *PEERS):
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            found[name] = importlib.metadata.version(name)
    others = {
        "node": _output(node(), "--version"),
        "ws": _node_package("ws"),
        "socket.io": _node_package("socket.io"),
        "sockjs": _node_package("sockjs"),
        "gcc": _output("gcc", "--version"),
    }
    return {**found, **{name: version for name, version in others.items() if version}}


def facts() -> dict[str, Any]:
    """Machine, interpreter, versions and revision, ready for JSON."""
    return {
        "processor": _processor(),
        "cores": os.cpu_count(),
        "kernel": platform.release(),
        "tcp": _tcp(),
        "load_average": os.getloadavg()[0],
        "python": _python(),
        "versions": _versions(),
        "revision": _output("git", "rev-parse", "HEAD"),
    }


def short_name() -> str:
    """A word for file names: the processor's, without vendors' decoration."""
    words = [word for word in _processor().replace("(R)", "").replace("(TM)", "").split() if word not in ("CPU", "@")]
    return "-".join(words[:3]).lower() or "machine"
