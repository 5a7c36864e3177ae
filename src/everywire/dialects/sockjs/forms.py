"""How frames stand in the bodies of SockJS's transports."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from typing import Final

from everywire.dialects.sockjs.frames import OPEN, closing, merged
from everywire.payloads import BodyFormat

__all__ = ["BAD_CALLBACK", "NO_CALLBACK", "Forms", "fault_of"]

NO_CALLBACK, BAD_CALLBACK = '"callback" parameter required', 'invalid "callback" parameter'

_SCRIPT = "application/javascript; charset=UTF-8"
_PAGE = "text/html; charset=UTF-8"
_LONGEST_CALLBACK = 128
_CALLBACK = re.compile(r"[A-Za-z0-9_.-]+")
_LEAST_HEAD = 1024  # bytes before a browser begins to show, and run, a page that is not complete
_HEAD = """<!doctype html>
<html><head>
  <meta http-equiv="X-UA-Compatible" content="IE=edge" />
  <meta http-equiv="Content-Type" content="text/html; charset=UTF-8" />
</head><body><h2>Don't panic!</h2>
  <script>
    document.domain = document.domain;
    var c = parent.%s;
    c.start();
    function p(d) {c.message(d);};
    window.onload = function() {c.stop();};
  </script>"""

Wrap = Callable[[str], str]


class Forms:
    """The formats of each transport; a stream ends after `limit` bytes."""

    def __init__(self, limit: int) -> None:
        self._limit: Final = limit
        self.xhr: Final = _poll(_SCRIPT, _line)
        self.xhr_streaming: Final = self._stream(_SCRIPT, _line, b"h" * 2048 + b"\n")
        self.eventsource: Final = self._stream("text/event-stream", lambda frame: f"data: {frame}\r\n\r\n", b"\r\n")

    def htmlfile(self, callback: str) -> BodyFormat:
        """Give the format of a page that calls `callback` of the one around it, which has no fault."""
        head = (_HEAD % callback).encode()
        return self._stream(_PAGE, _scripted, head.ljust(_LEAST_HEAD) + b"\r\n\r\n")

    def jsonp(self, callback: str) -> BodyFormat:
        """Give the format of a script that calls `callback`, which has no fault."""
        return _poll(_SCRIPT, lambda frame: f"/**/{callback}({_literal(frame)});\r\n")

    def _stream(self, content_type: str, wrap: Wrap, prelude: bytes) -> BodyFormat:
        def pack(frames: Sequence[str | bytes]) -> bytes:
            return "".join(map(wrap, _in_order([frame for frame in frames if isinstance(frame, str)]))).encode()

        return BodyFormat(content_type, pack, _goodbye(wrap), prelude, limit=self._limit)


def _poll(content_type: str, wrap: Wrap) -> BodyFormat:
    def pack(frames: Sequence[str | bytes]) -> bytes:
        return wrap(merged([frame for frame in frames if isinstance(frame, str)])).encode()

    return BodyFormat(content_type, pack, _goodbye(wrap), one_shot=True)


def _goodbye(wrap: Wrap) -> Callable[[int, str], bytes]:
    return lambda code, reason: wrap(closing(code, reason)).encode()


def _in_order(frames: Sequence[str]) -> list[str]:
    """Give the frames of a stream: its end is said by the goodbye, as it is to who asks again."""
    rest = [frame for frame in frames if frame[0] != "c"]
    if len(rest) < 2:
        return rest
    head = [OPEN] if rest[0] == OPEN else []
    return [*head, merged(rest[len(head) :])]


def _line(frame: str) -> str:
    return f"{frame}\n"


def _scripted(frame: str) -> str:
    return f"<script>\np({_literal(frame)});\n</script>\r\n"


def _literal(frame: str) -> str:
    """Give a frame as a string in a script, also of a page: nothing in it ends that."""
    return json.dumps(frame, ensure_ascii=False).replace("<", "\\u003c")


def fault_of(callback: str | None) -> str | None:
    """Say what is wrong with the name of a callback: it stands in a script."""
    if not callback:
        return NO_CALLBACK
    fits = len(callback) <= _LONGEST_CALLBACK and _CALLBACK.fullmatch(callback)
    return None if fits else BAD_CALLBACK
