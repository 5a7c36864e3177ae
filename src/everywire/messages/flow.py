"""What streams of a call consist of: the same words in both directions, under the `ref` of the client's call."""

from __future__ import annotations

from everywire.messages.values import Data, Ref, Value

__all__ = ["Cancel", "Credit", "End", "Item"]


class Item(Value, frozen=True):
    """One item of a call's stream."""

    ref: Ref
    data: Data


class End(Value, frozen=True):
    """The stream is over: nothing more comes under this `ref` from who says so."""

    ref: Ref


class Credit(Value, frozen=True):
    """There is room for `count` more items of the other side's stream."""

    ref: Ref
    count: int


class Cancel(Value, frozen=True):
    """The caller no longer waits: a client's call by its `ref`, the server's by its number."""

    ref: Ref
