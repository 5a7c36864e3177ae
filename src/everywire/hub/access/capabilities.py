"""What a session may do at most, by patterns of channel names.

A name is words between "." or ":". In a pattern "*" stands for one word and ">", at the end, for one or more; so ">" alone is
every channel. A channel with wildcards, which is many channels, is covered where each of them is.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

__all__ = ["Capabilities", "covers"]

_BETWEEN = re.compile(r"([.:])")


class Capabilities:
    """Patterns with the actions that they grant; what none of them grants is denied."""

    __slots__ = ("_granted",)

    def __init__(self, granted: Mapping[str, Iterable[str]]) -> None:
        self._granted = [(_BETWEEN.split(pattern), frozenset(actions)) for pattern, actions in granted.items()]

    def allow(self, action: str, channel: str) -> bool:
        """Say whether `action` is granted in `channel`."""
        words = _BETWEEN.split(channel)
        return any(action in actions and _cover(pattern, words) for pattern, actions in self._granted)


def covers(pattern: str, channel: str) -> bool:
    """Say whether `pattern` stands for `channel`, or for every channel that `channel` stands for."""
    return _cover(_BETWEEN.split(pattern), _BETWEEN.split(channel))


def _cover(pattern: list[str], words: list[str]) -> bool:
    """Compare word by word; those at odd places are what stands between two words."""
    open_end = pattern[-1] == ">"
    if len(words) < len(pattern) if open_end else len(words) != len(pattern):
        return False
    for place, (wanted, word) in enumerate(zip(pattern, words, strict=False)):
        if open_end and place == len(pattern) - 1:
            return word != ""
        if wanted == "*":
            if word in ("", ">"):  # ">" is more than one word
                return False
        elif wanted != word:
            return False
    return True
