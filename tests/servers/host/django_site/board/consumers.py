"""A consumer of Channels."""

from channels.generic.websocket import WebsocketConsumer


class Echo(WebsocketConsumer):
    """Says back what it hears, to whom it belongs and in which room."""

    def connect(self) -> None:
        """Take everybody, by the subprotocol that they offer first."""
        offered = self.scope["subprotocols"]
        self.accept(offered[0] if offered else None)

    def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        """Answer; close where that is asked for."""
        if bytes_data is not None:
            self.send(bytes_data=bytes_data[::-1])
        elif text_data == "bye":
            self.close(code=4001, reason="as you wish")
        else:
            user = self.scope["user"].get_username() or "nobody"
            self.send(text_data=f"{user} in {self.scope['url_route']['kwargs']['room']}: {text_data}")
