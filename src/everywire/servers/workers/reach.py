"""How a node is reached by the other processes of a folder, and how it reaches them."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from everywire.gateway import Gateway
from everywire.servers import listening
from everywire.servers.websocket import Server
from everywire.servers.workers.handing import Landing, landing
from everywire.servers.workers.relay import WorkerRelay, private

__all__ = ["Reach"]


class Reach:
    """A node's sockets in `folder`: requests for its lines, and whole connections, come to `server`, which answers for its gateway; the gateway passes on
    those for others.

    Who may enter the folder decides who may do so: it is for this user alone.
    """

    def __init__(self, path: Path, landing: Landing, relay: WorkerRelay) -> None:
        self._private: Final = path
        self._landing: Final = landing
        self._relay: Final = relay

    @classmethod
    async def open(cls, folder: Path, server: Server, gateway: Gateway) -> Reach:
        """Be there for the others; raises `OSError` where the folder does not let us. The end of `server` ends the taking of connections, too."""
        node = gateway.hub.node
        path = private(folder, node)
        await server.listen(listening.unix(str(path)), plain=True)
        taking = Landing(landing(folder, node), server.adopt)
        server.files.callback(taking.close)
        relay = WorkerRelay(folder)
        gateway.relay = relay
        return cls(path, taking, relay)

    def close(self) -> None:
        """Be found no more."""
        self._private.unlink(missing_ok=True)
        self._landing.close()
        self._relay.close()
