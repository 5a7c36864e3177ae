"""picows by its core API (callbacks), as its README shows it; /fan sends to all others in order of arrival."""

from __future__ import annotations

from harness.serving import announce, options, run, tls_context
from picows import WSFrame, WSListener, WSMsgType, WSTransport, WSUpgradeRequest, ws_create_server

given = options()
fan: dict[WSTransport, None] = {}


class Echo(WSListener):
    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        if frame.msg_type == WSMsgType.CLOSE:
            transport.send_close(frame.get_close_code(), frame.get_close_message())
            transport.disconnect()
        else:
            transport.send(frame.msg_type, frame.get_payload_as_memoryview())


class Fan(Echo):
    def on_ws_connected(self, transport: WSTransport) -> None:
        fan[transport] = None

    def on_ws_disconnected(self, transport: WSTransport) -> None:
        fan.pop(transport, None)

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        if frame.msg_type == WSMsgType.CLOSE:
            super().on_ws_frame(transport, frame)
            return
        kind, payload = frame.msg_type, frame.get_payload_as_memoryview()
        for other in fan:
            if other is not transport:
                other.send(kind, payload)


def listener(request: WSUpgradeRequest) -> WSListener:
    return Fan() if request.path == b"/fan" else Echo()


async def main() -> None:
    server = await ws_create_server(listener, "127.0.0.1", 0, ssl=tls_context(given), backlog=4096)
    announce(server.sockets[0].getsockname()[1])
    await server.serve_forever()


run(main(), given.loop)
