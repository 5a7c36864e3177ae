"""One decision for all: who may do what does not depend on how he asks."""

import inspect
import json
from base64 import urlsafe_b64encode
from itertools import product

import jwt
import pytest

import everywire
from everywire.app import Everywire
from everywire.dialects.native import SUBPROTOCOL
from everywire.http.request import Headers, Request
from everywire.hub.settings import Settings
from everywire.testing import Net, Refusal

KEY = "k" * 32
CHANNELS = ("open:1", "shut:1", "half:1", "plain", "nowhere")
ACTIONS = ("publish", "history", "presence")
GRANTS = {
    "rules alone": {"sub": "ann"},
    "nothing": {"sub": "ann", "caps": {}},
    "all": {"sub": "ann", "caps": {">": ["subscribe", "publish", "history", "presence"]}},
    "publishing": {"sub": "ann", "caps": {"*:1": ["publish"]}},
    "looking": {"sub": "ann", "caps": {"open:>": ["history", "presence"], "plain": ["history", "presence"]}},
    "another's": {"sub": "eve"},
    "expired": {"sub": "ann", "exp": 5},
    "meant for others": {"sub": "ann", "aud": "shop"},
    "from tomorrow": {"sub": "ann", "nbf": 1 << 40},
    "nameless": {"sub": ""},
    "revoked": {"sub": "ann", "jti": "revoked"},
}


@pytest.fixture
def net():
    app = Everywire(settings=Settings(token_parameter="token"))
    app.channel("open:{name}", history=5, presence=True)
    rules = {f"may_{action}": False for action in ("subscribe", *ACTIONS)}
    app.channel("shut:{name}", history=5, presence=True, **rules)
    ann = {f"may_{action}": lambda access: access.member.user == "ann" for action in ("subscribe", *ACTIONS)}
    app.channel("half:{name}", history=5, presence=True, **ann)
    app.channel("plain")
    app.auth = everywire.JWT(key=KEY)
    with Net(app) as net:
        net.loop.run_until_complete(app.revoke(token="revoked"))
        net.run()
        yield net


def made(net, claims):
    return jwt.encode({"exp": net.app.hub.expiries.now() + 100} | claims, KEY, "HS256")


def by_websocket(net, action, channel, headers=(), **connect):
    client = net.client(headers=headers)
    try:
        client.connect(**connect)
        said = {"data": 1} if action == "publish" else {}
        return client.ask(action, channel=channel, **said) and 0
    except Refusal as no:
        return no.code
    finally:
        client.drop()


def by_http(net, action, channel, token, *, query=False):
    path = f"{net.app.path}/{action}"
    fields = [("Host", "x"), *([] if query else [("Authorization", f"Bearer {token}")])]
    shown = f"token={token}" if query else ""
    if action == "publish":
        body = json.dumps({"channel": channel, "data": 1}).encode()
        request = Request(
            "POST", f"{path}?{shown}", Headers([*fields, ("Content-Type", "application/json")]), body=body
        )
    else:
        request = Request("GET", f"{path}?channel={channel}&{shown}", Headers(fields))
    answer = net.gateway.accept(request)
    if inspect.isawaitable(answer):
        answer = net.loop.run_until_complete(answer)
    return 0 if answer.status == 200 else json.loads(answer.body)["code"]


def offered(token):
    encoded = urlsafe_b64encode(token.encode()).decode().rstrip("=")
    return [("Sec-WebSocket-Protocol", f"{SUBPROTOCOL}, everywire.token.{encoded}")]


@pytest.mark.parametrize("grant", GRANTS)
def test_the_decision_is_the_same_however_it_is_asked_for(net, grant):
    token, decided = made(net, GRANTS[grant]), {}
    for action, channel in product(ACTIONS, CHANNELS):
        asked = [
            by_websocket(net, action, channel, token=token),
            by_websocket(net, action, channel, [("Authorization", f"Bearer {token}")]),
            by_websocket(net, action, channel, offered(token)),
            by_http(net, action, channel, token),
            by_http(net, action, channel, token, query=True),
        ]
        assert len(set(asked)) == 1, (action, channel, asked)
        decided[action, channel] = asked[0]
    if grant in ("expired", "meant for others", "from tomorrow", "nameless", "revoked"):
        assert set(decided.values()) == {101}
    else:
        assert decided["publish", "nowhere"] == 104
        assert decided["publish", "shut:1"] == 103
        assert decided["publish", "half:1"] == (0 if grant in ("rules alone", "all", "publishing") else 103)
        assert decided["history", "open:1"] == (0 if grant in ("rules alone", "all", "looking", "another's") else 103)
