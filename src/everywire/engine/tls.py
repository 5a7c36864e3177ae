"""TLS as a storey: `ssl.MemoryBIO` between the socket and whatever sits above (RFC 8446 by OpenSSL)."""

from __future__ import annotations

import logging
import ssl
from collections.abc import Callable
from typing import Any

from everywire.ws.link import PIECE, Link

try:
    import cython
except ImportError:  # plain Python where no compiler is installed
    from everywire.ws import plain as cython  # noqa: F401

__all__ = ["TlsLink"]

log = logging.getLogger("everywire.tls")

_CIPHERTEXT = 1 << 16  # bytes queued below above which plaintext waits, so that it can still be dropped


class TlsLink(Link):
    """Encrypts what goes down, one record per turn; decrypts what comes up.

    When the handshake is done `top(self)` makes the storey above. `failed(error)` is called when it fails, else the error is logged.

    Invariant: plaintext waits in `plain` until the turn's end, or longer while `_CIPHERTEXT` bytes of ciphertext are queued.
    """

    def __init__(
        self,
        engine: Any,
        context: ssl.SSLContext,
        top: Callable[[Any], Link],
        *,
        server_side: bool,
        timeout: float | None = 10.0,
        server_hostname: str | None = None,
        failed: Callable[[BaseException], object] | None = None,
    ) -> None:
        Link.__init__(self)
        self.engine = engine
        self.top = top
        self.timeout = timeout
        self.failed = failed
        self.incoming = ssl.MemoryBIO()
        self.outgoing = ssl.MemoryBIO()
        self.tls = context.wrap_bio(self.incoming, self.outgoing, server_side, server_hostname)
        self.buffer: bytearray = (
            bytearray(1 << 16) if engine is None else engine.plaintext
        )  # decrypted bytes on their way up; of this loop alone, and used up before anything else runs
        self.inner: Any = getattr(self.tls, "_sslobj", self.tls)  # the same without a Python frame per call
        self.established = False
        self.closing = False
        self.over = False
        self.plain: list[bytes] | None = None
        self.size = 0
        self.since = 0.0

    @property
    def alpn(self) -> str | None:
        """The protocol that ALPN agreed on, or None."""
        return self.tls.selected_alpn_protocol()

    def start(self) -> None:
        """Begin the handshake, as the client."""
        self._handshake()

    # Up

    def receive(self, data: bytearray, size: int) -> int:
        """Decrypt."""
        if self.over:
            return 0
        self.incoming.write(data[:size])
        if not self.established:
            self._handshake()
        if self.established and not self.over:
            self._decrypt()
        return 0

    def _handshake(self) -> None:
        try:
            self.tls.do_handshake()
        except ssl.SSLWantReadError:
            self._send()
            return
        except (ssl.SSLError, OSError) as error:
            self._send()
            self._fail(error)
            return
        self._send()
        self.established = True
        self.put(self.top(self))

    def _fail(self, error: Exception) -> None:
        self.over = True
        if self.failed is not None:
            self.failed(error)
        else:
            log.info("TLS handshake failed: %s", getattr(error, "reason", None) or error)
        if self.below is not None:
            self.below.finish()

    def _decrypt(self) -> None:
        while self.above is not None and not self.over:
            try:
                count: Any = self.inner.read(len(self.buffer), self.buffer)
            except ssl.SSLWantReadError:
                break
            except (ssl.SSLError, OSError):
                self.over = True
                self.below.abort()
                return
            if count == 0:
                self._peer_ended()
                return
            self.above.receive(self.buffer, count)
            if self.incoming.pending == 0 and self.inner.pending() == 0:
                break
        if self.outgoing.pending:
            self._send()  # what TLS itself has to say: key updates, alerts

    def _peer_ended(self) -> None:
        if self.above is not None:
            self.above.ended()

    def ended(self) -> None:
        """The TCP stream ended, with or without TLS's goodbye."""
        if self.established:
            if not self.over:
                self._peer_ended()
        else:
            self.below.abort()

    def drained(self) -> None:
        """There is room below again."""
        self.settling()
        if self.above is not None and self.plain is None:
            self.above.drained()

    def settling(self) -> None:
        """Encrypt what was written in this turn."""
        if self.above is not None and not self.closing:
            self.above.settling()
        if self.plain is None or not self.established or self.below is None or self.below.queued() > _CIPHERTEXT:
            return
        plain, self.plain = self.plain, None
        data = plain[0] if len(plain) == 1 else b"".join(plain)
        self.size -= len(data)
        self._encrypt(data)
        if self.closing and self.plain is None:
            self._goodbye()

    def _encrypt(self, data: bytes) -> None:
        try:
            self.inner.write(data)
        except (ssl.SSLError, OSError):
            self.over = True
            self.below.abort()
            return
        self._send()

    def _send(self) -> None:
        if self.outgoing.pending and self.below is not None:
            self.below.write(self.outgoing.read())

    def sweep(self, now: float) -> None:
        """End a handshake that takes too long."""
        if self.established:
            if self.above is not None:
                self.above.sweep(now)
        elif self.since == 0.0:
            self.since = now
        elif self.timeout is not None and now - self.since > self.timeout and self.below is not None:
            self.below.abort()

    def lost(self, reason: BaseException | None) -> None:
        """The pipe is gone."""
        if not self.established and not self.over and self.failed is not None:
            self.failed(reason or ConnectionResetError("the connection ended during the TLS handshake"))
        self.over = True
        self.plain = None
        Link.lost(self, reason)

    # Down

    def write(self, data: bytes) -> None:
        """Queue plaintext."""
        if self.over or self.closing:
            return
        if self.plain is None:
            self.plain = [data]
        else:
            self.plain.append(data)
        self.size += len(data)
        self.below.wake()

    def push(self) -> None:
        """Encrypt and write now."""
        self.settling()
        if self.below is not None:
            self.below.push()

    def wake(self) -> None:
        """Ask for a turn."""
        self.below.wake()

    def queued(self) -> int:
        """Count plaintext and ciphertext."""
        pieces = 0 if self.plain is None else len(self.plain) - 1
        return self.size + PIECE * pieces + (0 if self.below is None else self.below.queued())

    def discard(self) -> None:
        """Drop the plaintext: ciphertext cannot be dropped without breaking the stream."""
        self.plain = None
        self.size = 0

    def leave(self) -> None:
        """Say goodbye, then close."""
        self.finish()

    def finish(self) -> None:
        """Say goodbye, then close."""
        if self.closing or self.below is None:
            return
        self.closing = True
        if self.plain is None:
            self._goodbye()
        else:
            self.below.wake()

    def _goodbye(self) -> None:
        if self.established and not self.over:
            try:
                self.tls.unwrap()
            except (ssl.SSLError, OSError):
                pass
            self._send()
        if self.below is not None:
            self.below.finish()

    def extra(self, name: str) -> Any:
        """Tell of TLS; ask the storeys below for the rest."""
        if name == "ssl_object":
            return self.tls
        return None if self.below is None else self.below.extra(name)
