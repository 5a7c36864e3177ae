"""What streams of a call consist of: the same words in both directions, under the `ref` of the client's call."""

from __future__ import annotations

from everywire.messages.values import Data, Ref, Value

__all__ = ["Cancel", "Credit", "End", "Item"]


class Item(Value, frozen=True):
    """One item of a call's stream: of the client's, of that with the number `stream`, from 0."""

    ref: Ref
    data: Data
    stream: int = 0


class End(Value, frozen=True):
    """A stream is over: nothing more comes of it; of the client's that with the number `stream`, which broke where there is an `error`."""

    ref: Ref
    stream: int = 0
    error: str | None = None


class Credit(Value, frozen=True):
    """There is room for `count` more items of the other side's stream."""

    ref: Ref
    count: int


class Cancel(Value, frozen=True):
    """The caller no longer waits: a client's call by its `ref`, the server's by its number."""

    ref: Ref
