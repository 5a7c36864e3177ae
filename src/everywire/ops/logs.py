"""Logs as lines for people, or as JSON for machines; nothing that a peer sent can steer a terminal or forge a line."""

from __future__ import annotations

import json
import logging
import os
import sys
from collections.abc import Mapping
from typing import Any

__all__ = ["JsonFormatter", "TextFormatter", "Unsaid", "level", "set_up"]

_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")
_USUAL = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


class TextFormatter(logging.Formatter):
    """One line per record, with what is in `extra` behind it; a traceback follows on lines of its own."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)-7s %(name)s: %(message)s", "%H:%M:%S")

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - the library's name
        """Write the record on one line, control characters made visible."""
        record.message = _visible(record.message)
        more = "".join(f" {name}={_visible(str(value))}" for name, value in _extra(record).items())
        return super().formatMessage(record) + more


class JsonFormatter(logging.Formatter):
    """One JSON object per record: `time` (seconds since 1970), `level`, `logger`, `message`, what is in `extra` and what the message is made of by name,
    `error` with a traceback.
    """

    def format(self, record: logging.LogRecord) -> str:
        """Write the record; what JSON cannot say is written as text."""
        said: dict[str, Any] = {
            "time": round(record.created, 3),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        named = record.args if isinstance(record.args, Mapping) else {}
        said |= {name: value for name, value in {**_extra(record), **named}.items() if name not in said}
        if record.exc_info:
            said["error"] = self.formatException(record.exc_info)
        return json.dumps(said, default=str)


class Unsaid(logging.Filter):
    """Leaves out what a logger below the root has written to the same terminal already, as Django's do with DEBUG."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Say whether nobody has."""
        logger: logging.Logger | None = logging.getLogger(record.name)
        while logger is not None and logger.parent is not None:
            if any(_says(handler, record) for handler in logger.handlers):
                return False
            logger = logger.parent if logger.propagate else None
        return True


def _says(handler: logging.Handler, record: logging.LogRecord) -> bool:
    if not isinstance(handler, logging.StreamHandler) or handler.stream not in (sys.stdout, sys.stderr):
        return False
    return record.levelno >= handler.level and bool(handler.filter(record))


def _extra(record: logging.LogRecord) -> Mapping[str, Any]:
    return {name: value for name, value in vars(record).items() if name not in _USUAL}


def _visible(text: str) -> str:
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)


def level(wanted: str | None = None) -> str:
    """Give the level by its name in capitals: `wanted`, or else what EVERYWIRE_LOG says, or INFO; raises `ValueError` for one that is none."""
    named = wanted if wanted is not None else os.environ.get("EVERYWIRE_LOG", "INFO")
    if named.upper() not in _LEVELS:
        raise ValueError(f"EVERYWIRE_LOG={named}: the levels are {', '.join(_LEVELS[:-1])} and {_LEVELS[-1]}")
    return named.upper()


def set_up(wanted: str | None = None, *, json_lines: bool = False) -> None:
    """Send what is logged to stderr, from the level `wanted` or else that of EVERYWIRE_LOG on, unless the application has set up logging itself.

    As text, what a logger of the application has written to the terminal itself is not said again.
    Raises `ValueError` for a level that is none.
    """
    named = level(wanted)
    root = logging.getLogger()
    if logging.getLogger(
        "everywire"
    ).hasHandlers():  # the root's, or our own: Django's LOGGING names loggers, and often not the root
        return
    handler = logging.StreamHandler()
    handler.setFormatter(JsonFormatter() if json_lines else TextFormatter())
    if not json_lines:  # machines are told all, by lines of theirs
        handler.addFilter(Unsaid())
    root.addHandler(handler)
    root.setLevel(named)
