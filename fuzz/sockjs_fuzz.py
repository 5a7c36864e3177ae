"""The SockJS dialect under the fuzzer: whatever a client asks for is an intent, whatever it says is calls or one `ProtocolError`, and comes back as it was.

An input is three parts, each ended by the byte 0xfe: a target below SockJS's path, a body, and the message of a WebSocket. Its first byte chooses the method,
and whether the body is a form.
"""

from __future__ import annotations

import json
import re
import sys

import atheris

with atheris.instrument_imports(include=["everywire.dialects"]):
    from everywire.dialects.base import Bygone, Deliver, Embed, Hear, Open, Reply
    from everywire.dialects.sockjs import Offer, SockJSDialect
    from everywire.dialects.sockjs.frames import FramedCodec, FramedDecoder, strings
    from everywire.dialects.text import TextCodec, TextDecoder, TextDialect

from everywire import messages as m
from everywire.errors import ProtocolError
from everywire.http.request import Headers, Request
from fuzz import judge

END = b"\xfe"
METHODS = ("GET", "POST", "OPTIONS", "HEAD", "CONNECT", "DELETE")
UPGRADE = [("Upgrade", "websocket"), ("Connection", "Upgrade"), ("Cookie", "JSESSIONID=a;b=c")]
FORM = ("Content-Type", "application/x-www-form-urlencoded")
DIALECT = SockJSDialect("/s", TextDialect("/s"), m.Heartbeat(), Offer(cookie=True))
CODEC = FramedCodec(TextCodec())
INTENTS = (Bygone, Deliver, Embed, Hear, Open, Reply)
SCRIPTED = re.compile(rb'\A(?:/\*\*/[A-Za-z0-9_.-]+|<script>\np)\((".*")\);(?:\r\n|\n</script>\r\n)\Z', re.DOTALL)


def framed(text: str) -> None:
    """Say `text` back in every form: it is read as what it was, and nothing in it ends a script."""
    raw = m.Raw(json.dumps(text).encode())
    (payload,) = CODEC.encode(m.Result(1, raw))
    frame = payload.data
    if not isinstance(frame, str) or strings(frame[1:]) != [text] or "\n" in frame:
        raise judge.Finding(f"{text!r} was told as {frame!r}")
    for form in (DIALECT._forms.jsonp("c"), DIALECT._forms.htmlfile("c")):
        found = SCRIPTED.match(form.pack((frame,)))
        if found is None or b"<" in found[1] or json.loads(found[1]) != frame:
            raise judge.Finding(f"{frame!r} does not stand in a script")


def heard(message: str | bytes) -> None:
    """Hear the message of a WebSocket, and say back what it said."""
    try:
        for command in FramedDecoder(TextDecoder("f")).decode(message):
            if not isinstance(command, m.Call) or command.data is None:
                raise judge.Finding(f"{command!r} is no call")
            framed(json.loads(bytes(command.data)))
    except ProtocolError:
        pass


def asked(choice: int, target: bytes, body: bytes) -> None:
    """Ask for something below the path."""
    fields = [*UPGRADE, FORM] if choice & 0x80 else [("Host", "h")] + [FORM] * bool(choice & 0x40)
    where = "/s" + target.decode("latin-1").translate({10: None, 13: None})
    request = Request(METHODS[choice % len(METHODS)], where, Headers(fields), body=body)
    intent = DIALECT.accept(request, lambda: "id")
    if intent is not None and not isinstance(intent, INTENTS):
        raise judge.Finding(f"{where!r} is {intent!r}")
    for text in intent.payloads if isinstance(intent, Deliver) else ():
        if isinstance(text, str):
            framed(text)


def one_input(data: bytes) -> None:
    """Try one input; any other exception is a finding."""
    target, body, message, *_ = (*data[1:].split(END), b"", b"", b"")
    asked(data[0] if data else 0, target, body)
    heard(message.decode(errors="replace"))
    heard(message)


def main() -> None:
    """Hand over to libFuzzer, which does not return."""
    atheris.Setup(sys.argv, one_input)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
