"""An outlet that keeps what is written."""


class Sink:
    """Keeps pieces; `backlog` pretends that so many bytes have not left yet, `pushed` that pushing would make them fewer."""

    def __init__(self):
        self.pieces = []
        self.backlog = 0
        self.pushed = None
        self.asked = []
        self.over = None
        self.producer = None

    @property
    def body(self):
        return b"".join(self.pieces)

    def write(self, data):
        if self.over is None and data:
            self.pieces.append(data)

    def queued(self):
        return self.backlog

    def push(self):
        if self.pushed is not None:
            self.backlog = self.pushed

    def crowd(self, low):
        self.asked.append(low)

    def end(self):
        self.over = self.over or "ended"

    def abort(self):
        self.over = self.over or "aborted"
