"""Tells who started this process how it is: sd_notify(3), a datagram to the socket that NOTIFY_SOCKET names."""

from __future__ import annotations

import os
import socket

__all__ = ["READY", "STOPPING", "notify"]

READY = "READY=1"
STOPPING = "STOPPING=1"


def notify(state: str) -> bool:
    """Tell the service manager `state`; False where nobody asked for it, or nobody listens any more."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address.startswith(("/", "@")):
        return False
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as line:
        try:
            line.connect("\0" + address[1:] if address[0] == "@" else address)
            line.send(state.encode())
        except OSError:
            return False
    return True
