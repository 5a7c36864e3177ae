"""Publishing from programs without an event loop: a Django view, a Celery task, a script."""

from __future__ import annotations

import math
import os
import random
import secrets
import ssl
import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from types import TracebackType
from typing import Any, Final, TypedDict, Unpack
from urllib.parse import urlsplit

import msgspec

from everywire.errors import EverywireError, Refused

__all__ = ["PublishOptions", "Published", "Publisher", "Reached"]

_PAUSE: Final = 0.1  # seconds before the second try, twice as long before each further one
_LONGEST: Final = 2.0
_PASSING = frozenset({429, 502, 503, 504})
_UNAUTHORIZED: Final = 401
_Said = dict[str, Any]


class Published(msgspec.Struct, frozen=True):
    """Where a publication is: `epoch` and `offset` in its channel's log, None for an ephemeral one; `repeated` where it was there already."""

    channel: str
    epoch: str | None = None
    offset: int | None = None
    repeated: bool = False


class Reached(msgspec.Struct, frozen=True):
    """How many `sessions` were sent away, on the `nodes` that answered in time; `silent` others are known, and did not."""

    sessions: int
    nodes: int = 1
    silent: int = 0


class PublishOptions(TypedDict, total=False):
    """What a publication does to a keyed channel, and elsewhere whom it is for.

    entry: the one that it sets, or with `remove` deletes; ttl: seconds after which that is gone; expect: compare-and-set, the offset of the publication
    that set the entry last, 0 for "there is none". exclude: sessions that are not told. to_session, to_user: nobody else is told.
    """

    entry: str | None
    expect: int | None
    ttl: float | None
    remove: bool
    exclude: Sequence[str]
    to_session: str | None
    to_user: str | None


class Publisher:
    """Talks to an application's administration (`app.admin`) at `url`, showing `key`. Any thread may use it, also after a fork.

    What fails on the way is tried again, `tries` times in all, each for `timeout` seconds: publications have an idempotency key, so that
    each is published once. `sleep(seconds)` waits between two tries. Raises `Refused` for a no, `ConnectionError` where nobody answers.

    Invariants: a connection is either in `_idle` or used by one thread; `_idle` belongs to the process `_pid`.
    """

    def __init__(self, url: str, key: str | None = None, *, timeout: float = 5.0, tries: int = 4) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
            raise ValueError(f"{url!r} is no address of an administration, http://localhost:8001 for instance")
        if key is not None and not (key.isprintable() and all(ord(char) < 256 for char in key)):
            raise ValueError("a key is one line of characters that a header may have")  # else the error would show it
        self._parts = parts
        self._shows_key = key is not None
        self._headers = {"Content-Type": "application/json", "User-Agent": "everywire"}
        if key is not None:
            self._headers["Authorization"] = f"Bearer {key}"
        self._timeout = timeout
        self._tries = max(1, tries)
        self._lock = threading.Lock()
        self._idle: list[HTTPConnection] = []
        self._pid = os.getpid()
        self.sleep = time.sleep

    def __enter__(self) -> Publisher:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def publish(
        self,
        channel: str,
        data: Any = None,
        *,
        key: str | None = None,
        ephemeral: bool = False,
        **options: Unpack[PublishOptions],
    ) -> Published:
        """Publish `data`, anything that JSON can say, and give where it is; `key` makes publishing again, in minutes, harmless.

        Where `expect` was not met, the `Refused` has the code 111, and as `data` the `offset` of the publication that is there (0: none).
        """
        said = _publication(channel, data, key, ephemeral=ephemeral) | _where(options)
        return msgspec.convert(self.ask("POST", "/publish", said), Published)

    def publish_many(self, publications: Iterable[tuple[str, Any]]) -> list[Published | Refused]:
        """Publish (channel, data) pairs in order, at most 1,000; each has its own answer, which is a `Refused` for a no."""
        batch = [_publication(channel, data, None) for channel, data in publications]
        answers = self.ask("POST", "/publish", {"batch": batch})["published"]
        return [_published(answer) for answer in answers]

    def kick(
        self, user: str | None = None, *, session: str | None = None, code: int = 4404, reason: str = ""
    ) -> Reached:
        """End all sessions of `user`, or one session; as `Everywire.kick`."""
        return self._sent("/kick", {"user": user, "session": session, "code": code, "reason": reason})

    def unsubscribe(self, user: str, channel: str, reason: str = "") -> Reached:
        """End the subscriptions of `user` to `channel`."""
        return self._sent("/unsubscribe", {"user": user, "channel": channel, "reason": reason})

    def revoke(self, user: str | None = None, *, token: str | None = None, before: float | None = None) -> Reached:
        """Let tokens hold no longer; as `Everywire.revoke`."""
        return self._sent("/revoke", {"user": user, "token": token, "before": before})

    def _sent(self, path: str, said: Mapping[str, Any]) -> Reached:
        return msgspec.convert(self.ask("POST", path, said), Reached)

    def ask(self, method: str, path: str, said: Mapping[str, Any] | None = None) -> _Said:
        """Ask the administration for `path`, with `said` as JSON, and give what it answers."""
        body = msgspec.json.encode(said) if said is not None else b""
        for number in range(1, self._tries + 1):
            last = number == self._tries
            try:
                status, text = self._once(method, self._parts.path.rstrip("/") + path, body)
            except (OSError, HTTPException) as fault:
                if last:
                    raise ConnectionError(
                        f"nobody answers at {self._parts.netloc.rpartition('@')[2]}: {fault}"
                    ) from fault
            else:
                if status == _UNAUTHORIZED:
                    raise Refused(self._keyless(), 101)
                if last or status not in _PASSING:
                    return _answer(status, text)
            self.sleep(random.uniform(0.5, 1.0) * min(_LONGEST, _PAUSE * 2 ** (number - 1)))
        raise AssertionError("the last try returns or raises")

    def _keyless(self) -> str:
        if self._shows_key:
            return "that is not the key of this administration (app.admin has it)"
        return "a key is needed, that of app.admin: Publisher(url, key)"

    def close(self) -> None:
        """Close the connections that nobody uses now."""
        for connection in self._taken_all():
            connection.close()

    def _once(self, method: str, path: str, body: bytes) -> tuple[int, bytes]:
        connection = self._take()
        try:
            connection.request(method, path, body, self._headers)
            answer = connection.getresponse()
            text = answer.read()
        except BaseException:
            connection.close()
            raise
        if answer.will_close:
            connection.close()
        else:
            with self._lock:
                self._idle.append(connection)
        return answer.status, text

    def _take(self) -> HTTPConnection:
        with self._lock:
            if self._pid != os.getpid():  # the parent's connections are not ours to use, nor to close
                self._idle, self._pid = [], os.getpid()
            if self._idle:
                return self._idle.pop()
        host, port = self._parts.hostname or "", self._parts.port
        if self._parts.scheme == "https":
            return HTTPSConnection(host, port, timeout=self._timeout, context=ssl.create_default_context())
        return HTTPConnection(host, port, timeout=self._timeout)

    def _taken_all(self) -> list[HTTPConnection]:
        with self._lock:
            taken, self._idle = self._idle, []
        return taken


def _publication(channel: str, data: Any, key: str | None, *, ephemeral: bool = False) -> _Said:
    return {"channel": channel, "data": data, "key": key or secrets.token_urlsafe(16), "ephemeral": ephemeral}


def _where(options: PublishOptions) -> _Said:
    """Give what is said of the options, only where there is something: times in milliseconds."""
    to = {"session": options.get("to_session"), "user": options.get("to_user")}
    ttl = options.get("ttl")
    if ttl is not None and not 0 <= ttl < math.inf:  # nan is neither
        raise ValueError(f"ttl is a number of seconds, finite and not negative, not {ttl!r}")
    said: _Said = {
        "entry": options.get("entry"),
        "expect": options.get("expect"),
        "ttl": None if ttl is None else round(ttl * 1000),
        "remove": options.get("remove") or None,
        "exclude": list(options.get("exclude", ())) or None,
        "to": to if any(value is not None for value in to.values()) else None,
    }
    return {name: value for name, value in said.items() if value is not None}


def _published(answer: _Said) -> Published | Refused:
    no = answer.get("error")
    return _refused(no) if no is not None else msgspec.convert(answer, Published)


def _refused(no: _Said, *, temporary: bool = False) -> Refused:
    return Refused(str(no.get("reason")), int(no.get("code", 100)), temporary=temporary, data=no.get("data"))


def _answer(status: int, text: bytes) -> _Said:
    try:
        said = msgspec.json.decode(text, type=_Said)
    except msgspec.MsgspecError:
        raise EverywireError(f"this is no administration: it answers {status}") from None
    if status != 200:
        raise _refused(said, temporary=status in _PASSING)
    return said
