"""Published keys: when they are fetched, and when not."""

import asyncio
import http.server
import json
import threading

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from everywire.servers.jwks import Keys, Unknown

ONE = rsa.generate_private_key(65537, 2048)


def published(*kids, **more):
    jwk = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(ONE.public_key()))
    return json.dumps({"keys": [{**jwk, "kid": kid, "use": "sig", **more} for kid in kids]}).encode()


class Issuer:
    """Publishes `text`, or fails; counts how often it was asked. `time` is everybody's."""

    def __init__(self, text):
        self.text, self.asked, self.time = text, 0, 0.0

    def fetch(self, url):
        self.asked += 1
        if self.text is None:
            raise OSError("no answer")
        return self.text

    def keys(self, **options):
        return Keys("https://id.example/keys", fetch=self.fetch, clock=lambda: self.time, **options)


async def test_a_set_is_fetched_once_for_all_who_wait():
    issuer = Issuer(published("a", "b"))
    keys = issuer.keys()
    found = await asyncio.gather(*(keys.find(kid) for kid in "abababab"))
    assert [key.key_id for key in found] == [*"abababab"]
    assert issuer.asked == 1


async def test_a_stranger_cannot_have_it_fetched_again_and_again():
    issuer = Issuer(published("a"))
    keys = issuer.keys(pause=60)
    await keys.find("a")
    for number in range(100):
        with pytest.raises(LookupError, match="a moment ago"):
            await keys.find(f"x{number}")
    assert issuer.asked == 1
    issuer.time = 61
    with pytest.raises(Unknown):
        await keys.find("x")
    assert issuer.asked == 2


async def test_a_new_key_is_found_after_the_pause():
    issuer = Issuer(published("a"))
    keys = issuer.keys(pause=60)
    await keys.find("a")
    issuer.text = published("a", "b")
    issuer.time = 61
    assert (await keys.find("b")).key_id == "b"


async def test_a_key_that_was_withdrawn_holds_no_longer():
    issuer = Issuer(published("a", "b"))
    keys = issuer.keys(keep=3600)
    await keys.find("a")
    issuer.text = published("b")
    issuer.time = 3601
    with pytest.raises(Unknown):
        await keys.find("a")


async def test_what_is_kept_holds_while_the_issuer_does_not_answer(caplog):
    issuer = Issuer(published("a"))
    keys = issuer.keys(keep=3600, pause=60)
    await keys.find("a")
    issuer.text, issuer.time = None, 4000
    assert (await keys.find("a")).key_id == "a"
    with pytest.raises(OSError):
        await keys.find("b")
    assert issuer.asked == 2
    assert "cannot be fetched" in caplog.text


async def test_who_waits_may_give_up_without_the_others():
    answering = threading.Event()
    issuer = Issuer(published("a"))

    def fetch(url):
        answering.wait(10)
        return issuer.fetch(url)

    keys = Keys("https://id.example/keys", fetch=fetch)
    first, second = asyncio.ensure_future(keys.find("a")), asyncio.ensure_future(keys.find("a"))
    await asyncio.sleep(0)
    first.cancel()
    await asyncio.sleep(0)
    answering.set()
    assert (await second).key_id == "a"
    assert first.cancelled()


async def test_without_a_name_the_only_key_is_meant():
    assert (await Issuer(published("a")).keys().find(None)).key_id == "a"
    with pytest.raises(Unknown):
        await Issuer(published("a", "b")).keys().find(None)


@pytest.mark.parametrize("text", [b"", b"[]", b"{}", b'{"keys": []}', b"\xff", b'{"keys": 7}', b" " * ((1 << 20) + 1)])
async def test_a_set_that_cannot_be_read_is_as_none(text):
    with pytest.raises((ValueError, AttributeError, jwt.PyJWTError, LookupError)):
        await Issuer(text).keys().find("a")


async def test_a_secret_that_is_published_is_none():
    oct = {"kty": "oct", "k": "c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0LXNlY3JldA", "kid": "s", "alg": "HS256"}
    text = json.dumps({"keys": [oct, *json.loads(published("a"))["keys"]]}).encode()
    keys = Issuer(text).keys()
    assert (await keys.find("a")).key_id == "a"
    with pytest.raises(LookupError):
        await keys.find("s")


async def test_keys_for_something_else_are_passed_over():
    with pytest.raises(Unknown):
        await Issuer(published("a", use="enc")).keys().find("a")


@pytest.fixture
def site():
    """A server on a free port that publishes keys at /keys, and redirects from /moved."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(302 if self.path == "/moved" else 200)
            if self.path == "/moved":
                self.send_header("Location", "/keys")
            self.end_headers()
            self.wfile.write(b"" if self.path == "/moved" else published("a"))

        def log_message(self, *_):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


async def test_they_come_over_http_from_this_machine(site):
    assert (await Keys(f"{site}/keys").find("a")).key_id == "a"


async def test_no_redirect_is_followed(site):
    with pytest.raises(OSError, match="302"):
        await Keys(f"{site}/moved").find("a")
