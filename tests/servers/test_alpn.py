"""Which protocols a server's TLS offers."""

import asyncio
import ssl

import pytest
import trustme

import everywire
from everywire.servers import alpn


async def echo(ws):
    """Never called."""


async def agreed(offered, **options):
    """The protocol that a client which offers `offered` gets of a server with `options`."""
    authority = trustme.CA()
    context, trusting = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), ssl.create_default_context()
    authority.issue_cert("127.0.0.1").configure_cert(context)
    authority.configure_trust(trusting)
    trusting.set_alpn_protocols(offered)
    async with everywire.serve(echo, "127.0.0.1", 0, ssl=context, **options) as server:
        _, writer = await asyncio.open_connection("127.0.0.1", server.port, ssl=trusting)
        found = writer.get_extra_info("ssl_object").selected_alpn_protocol()
        writer.close()
    return found


async def test_http2_is_preferred():
    assert alpn.available()
    assert await agreed(["http/1.1", "h2"]) == "h2"


async def test_http1_for_those_who_want_it():
    assert await agreed(["http/1.1"]) == "http/1.1"


async def test_http2_can_be_switched_off():
    assert await agreed(["h2", "http/1.1"], http2=False) == "http/1.1"


async def test_without_the_library_there_is_http1(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(alpn, "find_spec", lambda name: None)
    assert await agreed(["h2", "http/1.1"]) == "http/1.1"
