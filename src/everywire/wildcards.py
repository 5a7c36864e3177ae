"""Channel names with wildcards: which names they match, and which of many match a name.

A name is words between `.` or `:`. `*` stands for one word; `>`, as the last word, for one or more, whatever is between them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

__all__ = ["Patterns", "covers", "matches", "quoted", "wild"]

_SPLIT = re.compile(r"([.:])")
_CACHED = 10_000  # names whose patterns are remembered


def wild(name: str) -> bool:
    """Say whether `name` has wildcards, and so is no channel's name."""
    if "*" not in name and ">" not in name:
        return False
    words = _pieces(name)[::2]
    return "*" in words or words[-1] == ">"


def quoted(text: str, signs: str) -> str:
    """Write a text as one word of a channel's name: `signs`, and what cannot be shown, as their bytes in hexadecimal, %3A for a colon.

    Raises `ValueError` for half of a character. That two texts are never written alike is promised where % is among the signs.
    """
    if text.isprintable() and not any(sign in text for sign in signs):
        return text
    return "".join(quote(sign, safe="") if sign in signs or not sign.isprintable() else sign for sign in text)


def matches(pattern: str, name: str) -> bool:
    """Say whether `pattern` stands for `name`."""
    patterns = Patterns()
    patterns.add(pattern)
    return bool(patterns.matching(name))


def covers(pattern: str, template: str) -> dict[str, str] | None:
    """Give what `pattern` says of each `{parameter}` of a kind's `template`; None where it can match none of its channels.

    A parameter is given the word that stands in its place: itself a wildcard, or a literal. One that shares its word with
    other text is given the pattern's whole word.
    """
    wanted, had = _pieces(pattern), _pieces(template)
    said: dict[str, str] = {}
    for place, piece in enumerate(had):
        names = re.findall(r"\{(\w+)\}", piece)
        word = wanted[place] if place < len(wanted) else None
        rest = word == ">" and place == len(wanted) - 1
        if word is None or not (rest or names or word in (piece, "*")):
            return None
        if rest:
            return said | dict.fromkeys(re.findall(r"\{(\w+)\}", "".join(had[place:])), ">")
        said |= dict.fromkeys(names, word)
    return said if len(wanted) == len(had) else None


class Patterns:
    """Many names with wildcards, asked which of them match a name; what was asked lately is remembered.

    Invariants: `_root` is a tree of words and separators, with the pattern itself under None where one ends, and under ">"
    where its rest is a wildcard; `_known` holds true answers only, at most `_CACHED`.
    """

    def __init__(self) -> None:
        self._root: dict[str | None, Any] = {}
        self._all: dict[str, None] = {}
        self._known: dict[str, tuple[str, ...]] = {}

    def __len__(self) -> int:
        return len(self._all)

    def __contains__(self, pattern: str) -> bool:
        return pattern in self._all

    def __iter__(self) -> Iterator[str]:
        return iter(self._all)

    def add(self, pattern: str) -> None:
        """Take up `pattern`; one that is there already stays."""
        self._all[pattern] = None
        self._known.clear()
        node = self._root
        for piece in _pieces(pattern):
            node = node.setdefault(piece, {})
        node[None] = pattern

    def discard(self, pattern: str) -> None:
        """Forget `pattern`, and the branch of the tree that was its alone."""
        if self._all.pop(pattern, self) is self:
            return
        self._known.clear()
        path = [self._root]
        pieces = _pieces(pattern)
        for piece in pieces:
            path.append(path[-1][piece])
        del path[-1][None]
        for piece, node, parent in zip(reversed(pieces), reversed(path), reversed(path[:-1]), strict=False):
            if node:
                return
            del parent[piece]

    def matching(self, name: str) -> tuple[str, ...]:
        """Give the patterns that match `name`."""
        if not self._all:
            return ()
        known = self._known.get(name)
        if known is None:
            if len(self._known) >= _CACHED:
                del self._known[next(iter(self._known))]
            known = self._known[name] = tuple(_walk(self._root, _pieces(name)))
        return known


def _walk(root: dict[str | None, Any], pieces: list[str]) -> Iterator[str]:
    """Go down all branches that `pieces` may take; there are at most as many as patterns, and 2 per word."""
    nodes = [root]
    for place, piece in enumerate(pieces):
        below = []
        for node in nodes:
            if piece and place % 2 == 0 and (rest := node.get(">")) is not None and None in rest:
                yield rest[None]
            if (literal := node.get(piece)) is not None and piece not in ("*", ">"):
                below.append(literal)
            if piece and place % 2 == 0 and (one := node.get("*")) is not None:
                below.append(one)
        nodes = below
    for node in nodes:
        if None in node:
            yield node[None]


def _pieces(name: str) -> list[str]:
    """Give words and separators in turn, beginning and ending with a word."""
    return _SPLIT.split(name)
