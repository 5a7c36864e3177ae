"""Names that clients made up, as a reason may repeat them."""

from __future__ import annotations

__all__ = ["quoted"]

_MOST = 64  # characters


def quoted(name: str) -> str:
    """Give `name` in quotes, what cannot be printed escaped, and cut: a reason is for people."""
    return repr(name if len(name) <= _MOST else name[:_MOST] + "…")
