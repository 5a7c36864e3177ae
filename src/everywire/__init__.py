"""A real-time messaging server for Python: WebSocket, and everything a WebSocket leaves to you."""

from everywire import builds

builds.prefer_source()

__version__ = "0.1.0"
