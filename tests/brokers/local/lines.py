"""A line in memory between client and host, under virtual time: it may be slow, cut in pieces, silent, or gone."""

import random

from everywire.brokers.local.link import Receiver


class End:
    """One end of a line."""

    def __init__(self, line):
        self.line = line
        self.queued = 0
        self.receiver: Receiver | None = None
        self.other: End | None = None
        self.written: list[bytes] = []

    def write(self, data):
        self.written.append(data)
        if not self.line.over:
            self.line.carry(self, data)

    def close(self):
        self.line.cut()


class Line:
    """Two ends; `silent` swallows what is said, `stuck` leaves it untaken."""

    def __init__(self, loop, dice, delay, pieces):
        self.loop, self.dice, self.delay, self.pieces = loop, dice, delay, pieces
        self.over = self.silent = self.stuck = False
        self.near, self.far = End(self), End(self)
        self.near.other, self.far.other = self.far, self.near
        self._arrival = 0.0

    def carry(self, end, data):
        if self.stuck:
            end.queued += len(data)
            return
        if self.silent:
            return
        size = self.dice.randint(1, max(1, len(data) // 2)) if self.pieces else len(data)
        for start in range(0, len(data), size):
            self._arrival = max(self.loop.time() + self.delay(), self._arrival + 1e-9)
            self.loop.call_at(self._arrival, self._arrive, end.other, data[start : start + size])

    def _arrive(self, end, data):
        if not self.over and not self.silent:
            end.receiver.received(data)

    def cut(self):
        if not self.over:
            self.over = True
            for end in (self.near, self.far):
                self.loop.call_soon(end.receiver.lost)


class Lines:
    """Makes lines between clients and `host`; `reachable` says whether it can at this moment."""

    def __init__(self, loop, join, *, delay=lambda: 0.001, pieces=False, seed=0):
        self.loop, self.join, self.delay, self.pieces = loop, join, delay, pieces
        self.dice = random.Random(seed)
        self.reachable = True
        self.made: list[Line] = []
        self.attempts = 0

    @property
    def last(self):
        return self.made[-1]

    def connect(self, receiver):
        self.attempts += 1
        self.loop.call_later(self.delay(), self._connected, receiver)

    def _connected(self, receiver):
        if not self.reachable:
            receiver.lost()
            return
        line = Line(self.loop, self.dice, self.delay, self.pieces)
        self.made.append(line)
        line.near.receiver, line.far.receiver = receiver, self.join()
        line.far.receiver.opened(line.far)
        receiver.opened(line.near)
