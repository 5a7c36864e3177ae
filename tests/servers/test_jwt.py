"""Tokens that hold, and all those that do not."""

import base64
import hashlib
import hmac
import json

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from everywire.errors import Refused
from everywire.http.request import Headers, Request
from everywire.hub.hooks import Connecting
from everywire.servers.jwt import JWT

SECRET = "s" * 32
NOW = 1_800_000_000.0


def pem(key):
    public = key.public_key()
    return public.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)


RSA = rsa.generate_private_key(65537, 2048)
EC = ec.generate_private_key(ec.SECP256R1())


def made(key=SECRET, algorithm="HS256", kid=None, **claims):
    claims = {"sub": "ann", "exp": NOW + 60} | claims
    claims = {name: value for name, value in claims.items() if value is not ...}
    return jwt.encode(claims, key, algorithm, headers={"kid": kid} if kid else None)


def shown(token, request=None):
    return Connecting(token, request, None, NOW)


def refused(hook, token, why="token"):
    with pytest.raises(Refused, match=why) as caught:
        hook(shown(token))
    assert (caught.value.code, caught.value.temporary) == (101, False)
    if isinstance(token, str) and token:
        assert token not in caught.value.reason


def test_a_token_says_who_it_is():
    hook = JWT(key=SECRET)
    said = {"jti": "t1", "iat": NOW - 5, "info": {"nick": "A"}, "caps": {"room:*": ["subscribe"]}, "channels": ["news"]}
    who = hook(shown(made(**said)))
    assert (who.user, who.expires, who.token, who.issued) == ("ann", NOW + 60, "t1", NOW - 5)
    assert (who.info, who.capabilities, who.channels) == ({"nick": "A"}, {"room:*": ["subscribe"]}, ("news",))


def test_what_it_does_not_say_is_left_to_the_server():
    who = JWT(key=SECRET)(shown(made()))
    assert (who.info, who.capabilities, who.channels, who.issued, who.token) == (None, None, (), 0.0, None)


@pytest.mark.parametrize(
    ("claims", "why"),
    [
        ({"exp": NOW - 31}, "expired"),
        ({"exp": ...}, "the claim exp is missing"),
        ({"exp": "soon"}, "cannot be read"),
        ({"exp": True}, "cannot be read"),
        ({"exp": 1e400}, "cannot be read"),
        ({"nbf": NOW + 31}, "not valid yet"),
        ({"iat": NOW + 31}, "not valid yet"),
        ({"sub": ...}, "the claim sub is missing"),
        ({"sub": ""}, "cannot be read"),
        ({"aud": "another"}, "somebody else"),
        ({"caps": ["room"]}, "cannot be read"),
        ({"caps": {"room": ["fly"]}}, "cannot be read"),
        ({"caps": {"room": 7}}, "cannot be read"),
        ({"channels": "room"}, "cannot be read"),
        ({"channels": [7]}, "cannot be read"),
    ],
)
def test_a_claim_may_be_wrong(claims, why):
    refused(JWT(key=SECRET), made(**claims), why)


@pytest.mark.parametrize("claims", [{"exp": NOW - 29}, {"nbf": NOW + 29}, {"iat": NOW + 29}])
def test_clocks_may_differ_a_little(claims):
    assert JWT(key=SECRET)(shown(made(**claims))).user == "ann"


def test_an_audience_and_an_issuer_are_asked_for():
    hook = JWT(key=SECRET, audience="chat", issuer="https://id.example")
    assert hook(shown(made(aud=["chat", "shop"], iss="https://id.example"))).user == "ann"
    refused(hook, made(aud="chat", iss="https://evil.example"), "issuer")
    refused(hook, made(aud="shop", iss="https://id.example"), "somebody else")
    refused(hook, made(iss="https://id.example"), "missing")


@pytest.mark.parametrize("token", ["", None, "x", "a.b.c", "." * 5, "é.é.é", made()[:-2], made(key="o" * 32)])
def test_what_is_no_token_of_ours(token):
    refused(JWT(key=SECRET), token)


def unsigned(header, claims):
    parts = [base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=") for part in (header, claims)]
    return b".".join(parts)


@pytest.mark.parametrize("algorithm", ["none", "None", "NONE", "nOnE", "", None, 7])
@pytest.mark.parametrize("hook", [JWT(key=SECRET), JWT(key=pem(RSA))], ids=["secret", "public"])
def test_an_unsigned_token_is_refused(hook, algorithm):
    refused(hook, (unsigned({"alg": algorithm}, {"sub": "ann", "exp": NOW + 60}) + b".").decode())


def test_a_public_key_is_no_shared_secret():
    """CVE-2022-29217: a token "signed" with the public key as if that were a secret."""
    body = unsigned({"alg": "HS256", "typ": "JWT"}, {"sub": "ann", "exp": NOW + 60})
    signature = base64.urlsafe_b64encode(hmac.digest(pem(RSA), body, hashlib.sha256)).rstrip(b"=")
    refused(JWT(key=pem(RSA)), (body + b"." + signature).decode(), "algorithm")


def test_an_algorithm_that_is_not_listed_is_refused():
    refused(JWT(key=SECRET * 2), made(key=SECRET * 2, algorithm="HS512"), "algorithm")
    assert JWT(key=SECRET * 2, algorithms=["HS512"])(shown(made(key=SECRET * 2, algorithm="HS512"))).user == "ann"


@pytest.mark.parametrize(("key", "algorithm"), [(RSA, "RS256"), (EC, "ES256")])
def test_public_keys(key, algorithm):
    assert JWT(key=pem(key))(shown(made(key, algorithm))).user == "ann"
    assert JWT(key=pem(key).decode())(shown(made(key, algorithm))).user == "ann"
    other = EC if key is RSA else RSA
    refused(JWT(key=pem(other)), made(key, algorithm))


def test_several_keys_by_their_ids():
    hook = JWT(keys={"a": SECRET, "b": "o" * 32})
    assert hook(shown(made(kid="a"))).user == "ann"
    assert hook(shown(made(key="o" * 32, kid="b"))).user == "ann"
    refused(hook, made(kid="b"), "signature")
    refused(hook, made(kid="c"), "unknown key")
    refused(hook, made(), "unknown key")


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"key": ""},
        {"keys": {}},
        {"key": SECRET, "keys": {"a": SECRET}},
        {"key": "short"},
        {"keys": {"a": SECRET, "b": pem(RSA)}},
        {"key": SECRET, "algorithms": ["none"]},
        {"key": SECRET, "algorithms": ["RS256"]},
        {"key": pem(RSA), "algorithms": ["RS256", "HS256"]},
        {"jwks_url": "https://id.example/keys", "algorithms": ["HS256"]},
        {"jwks_url": "http://id.example/keys"},
        {"jwks_url": "file:///etc/passwd"},
        {"jwks_url": ""},
    ],
)
def test_what_would_not_be_safe_cannot_be_configured(options):
    with pytest.raises(ValueError):
        JWT(**options)


def test_a_cookie_may_hold_the_token():
    request = Request("GET", "/everywire", Headers([("Cookie", f"a=b; session={made()}")]))
    assert JWT(key=SECRET, cookie="session")(shown(None, request)).user == "ann"
    with pytest.raises(Refused):
        JWT(key=SECRET)(shown(None, request))


def test_nobody_may_be_let_in_but_not_as_somebody():
    hook = JWT(key=SECRET, anonymous=True)
    assert hook(shown(None)).user is None
    assert hook(shown(made(sub=...))).user is None
    refused(hook, "x")


def test_another_claim_may_name_the_user():
    hook = JWT(key=SECRET, user_claim="email")
    assert hook(shown(made(email="ann@example.org"))).user == "ann@example.org"
    refused(hook, made(), "the claim email is missing")


def published(**keys):
    made = [
        {**json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(key.public_key())), "kid": kid, "use": "sig", "alg": "RS256"}
        for kid, key in keys.items()
    ]
    return json.dumps({"keys": made}).encode()


async def test_published_keys():
    asked = []

    def fetch(url):
        asked.append(url)
        return published(one=RSA)

    hook = JWT(jwks_url="https://id.example/keys", fetch=fetch)
    assert (await hook(shown(made(RSA, "RS256", "one")))).user == "ann"
    assert (await hook(shown(made(RSA, "RS256")))).user == "ann"  # there is only one
    # What a token says of where its keys are is never looked at (CVE-2026-32301).
    headers = {"kid": "two", "jku": "https://evil.example/keys", "x5u": "https://evil.example"}
    evil = jwt.encode({"sub": "ann", "exp": NOW + 60, "iss": "https://evil.example"}, RSA, "RS256", headers=headers)
    with pytest.raises(Refused, match="cannot be checked now") as caught:
        await hook(shown(evil))
    assert caught.value.temporary  # it was looked for a moment ago
    assert asked == ["https://id.example/keys"]


async def test_an_issuer_that_does_not_answer_is_asked_again_later():
    def fetch(url):
        raise OSError("no route")

    hook = JWT(jwks_url="https://id.example/keys", fetch=fetch)
    with pytest.raises(Refused, match="cannot be checked now") as caught:
        await hook(shown(made(RSA, "RS256", "one")))
    assert caught.value.temporary


async def test_a_key_that_the_issuer_does_not_have_is_refused():
    hook = JWT(jwks_url="https://id.example/keys", fetch=lambda url: published(one=RSA))
    with pytest.raises(Refused, match="unknown key") as caught:
        await hook(shown(made(RSA, "RS256", "two")))
    assert not caught.value.temporary


def test_it_keeps_its_secrets_to_itself():
    assert SECRET not in repr(JWT(key=SECRET))
    assert SECRET not in repr(JWT(keys={"a": SECRET}))
