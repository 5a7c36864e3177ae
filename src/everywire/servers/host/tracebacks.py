"""Tracebacks in what applications say, which is text."""

from __future__ import annotations

import os
import re
import sysconfig
from pathlib import Path
from typing import Final

__all__ = ["shortened"]

_FRAME: Final = re.compile(r'^  File "([^"]*)", line .*\n(?:    .*\n|  \[Previous line repeated .*\n)*', re.MULTILINE)
_EMPTY: Final = re.compile(r"^Traceback \(most recent call last\):\n(?=\S)", re.MULTILINE)
_LIBRARIES: Final = (
    *{os.path.join(sysconfig.get_path(name), "") for name in ("stdlib", "platstdlib", "purelib", "platlib")},
    os.path.join(Path(__file__).parents[2], ""),
    "<frozen",
)


def shortened(said: str) -> str:
    """Give a text whose tracebacks have the lines of the application alone; of one that has none its last line is left."""
    own = _FRAME.sub(lambda frame: "" if _is_of_library(frame[1]) else frame[0], said)
    return _EMPTY.sub("", own)


def _is_of_library(file: str) -> bool:
    return file.startswith(_LIBRARIES) or "site-packages" in file
