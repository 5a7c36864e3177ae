"""A face for those who come from python-socketio: `from everywire import socketio` in place of `import socketio`.

    from everywire import socketio

    sio = socketio.AsyncServer(cors_allowed_origins="*")
    app = socketio.ASGIApp(sio)

    @sio.event
    async def hello(sid, name):
        await sio.emit("greeting", f"Hello, {name}!", to=sid)

    app.run(port=8000)

docs/dialects/socketio.md says what differs.
"""

from everywire.socketio import exceptions
from everywire.socketio.asgi import ASGIApp
from everywire.socketio.namespaces import AsyncNamespace
from everywire.socketio.server import AsyncServer

__all__ = ["ASGIApp", "AsyncNamespace", "AsyncServer", "exceptions"]
