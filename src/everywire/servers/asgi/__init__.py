"""We in an app: what a server for ASGI hands over (asgiref, specs/www.rst 2.5) is answered as on our own server."""

from everywire.servers.asgi.embedding import Embedding
from everywire.servers.asgi.lifespan import lifespan
from everywire.servers.asgi.neighbours import neighbourhood
from everywire.servers.asgi.request import Receive, Scope, Send, from_scope
from everywire.servers.asgi.several import among_several
from everywire.servers.asgi.signals import Signals

__all__ = [
    "Embedding",
    "Receive",
    "Scope",
    "Send",
    "Signals",
    "among_several",
    "from_scope",
    "lifespan",
    "neighbourhood",
]
