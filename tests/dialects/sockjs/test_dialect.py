"""Which request is what: bytes where nothing else is done, intents where there is more to do."""

import pytest

from everywire.dialects.base import Bygone, Deliver, Embed, Hear, Open, Reply
from everywire.dialects.native import NativeSpeech
from everywire.dialects.sockjs import Offer, SockJSDialect
from everywire.dialects.text import TextDialect
from everywire.http.request import Headers, Request
from everywire.messages import Heartbeat
from everywire.payloads import Payload

WEBSOCKET = {"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "13"}
FORM = {"Content-Type": "application/x-www-form-urlencoded; charset=utf-8"}
POLLS = ("xhr", "jsonp?c=cb")
STREAMS = ("xhr_streaming", "eventsource", "htmlfile?c=cb")


def dialect(speech=None, **offer):
    return SockJSDialect("/sockjs", speech or TextDialect("/sockjs"), Heartbeat(), Offer(**offer))


def ask(method, target, body=b"", version="1.1", serving=None, **fields):
    headers = Headers(fields.pop("headers", fields).items())
    request = Request(method, target, headers, body=body, version=version)
    return (serving or dialect()).accept(request, lambda: "id")


def hear(transport, **offer):
    method = "POST" if transport.startswith("xhr") else "GET"
    return ask(method, f"/sockjs/000/abc/{transport}", serving=dialect(**offer))


@pytest.mark.parametrize("target", ["/", "/sock", "/sockjsx", "/sockjsx/info", "/everywire"])
def test_what_is_for_others(target):
    assert ask("GET", target) is None


@pytest.mark.parametrize("target", ["/sockjs", "/sockjs/", "/sockjs?x"])
def test_the_greeting(target):
    answer = ask("GET", target)
    assert (answer.status, answer.body) == (200, b"Welcome to SockJS!\n")
    assert answer.headers == (("Content-Type", "text/plain; charset=UTF-8"),)


@pytest.mark.parametrize(
    "below", ["a", "a.html", "/", "//", "a/a", "a/a/", "a/", "INFO", "a/b/xhr2", "a/b/", "info/", "a/b.c/xhr"]
)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_what_is_not_there(method, below):
    assert ask(method, f"/sockjs/{below}").status == 404


@pytest.mark.parametrize(
    ("method", "below", "allowed"),
    [
        ("POST", "", "GET"),
        ("POST", "info", "OPTIONS, GET"),
        ("POST", "iframe.html", "GET"),
        ("POST", "websocket", "GET"),
        ("POST", "a/b/websocket", "OPTIONS, GET"),
        ("GET", "a/b/xhr", "OPTIONS, POST"),
        ("GET", "a/b/xhr_send", "OPTIONS, POST"),
        ("DELETE", "a/b/jsonp", "OPTIONS, GET"),
    ],
)
def test_other_methods(method, below, allowed):
    answer = ask(method, f"/sockjs/{below}")
    assert (answer.status, answer.body, dict(answer.headers)["Allow"]) == (405, b"", allowed)


@pytest.mark.parametrize(
    ("below", "methods"), [("info", "OPTIONS, GET"), ("a/b/xhr", "OPTIONS, POST"), ("a/b/eventsource", "OPTIONS, GET")]
)
def test_preflights(below, methods):
    answer = ask("OPTIONS", f"/sockjs/{below}", Origin="null")
    assert (answer.status, dict(answer.headers)["Access-Control-Allow-Methods"]) == (204, methods)


def test_info_and_the_page_in_a_frame():
    assert b'"websocket": true' in ask("GET", "/sockjs/info").body
    assert b'"websocket": false' in ask("GET", "/sockjs/info", serving=dialect(websocket=False)).body
    assert b'"cookie_needed": true' in ask("GET", "/sockjs/info", serving=dialect(cookie=True)).body
    assert isinstance(ask("GET", "/sockjs/iframe-1.html?t=2"), Embed)


def test_a_websocket_of_frames():
    opened = ask("GET", "/sockjs/000/abc/websocket", headers=WEBSOCKET)
    assert isinstance(opened, Open)
    assert [payload.data for payload in opened.greeting] == ["o"]
    assert opened.heartbeat.who_asks == "nobody"
    assert opened.begins is not None
    assert [bytes(command.data) for command in opened.decoder.decode('["a"]')] == [b'"a"']


def test_a_websocket_as_it_is():
    opened = ask("GET", "/sockjs/websocket", headers=WEBSOCKET)
    assert (isinstance(opened, Open), opened.greeting) == (True, ())
    assert [bytes(command.data) for command in opened.decoder.decode('["a"]')] == [b'"[\\"a\\"]"']


def test_the_native_wire_begins_by_itself_and_beats_by_itself():
    serving = dialect(NativeSpeech())
    for below in ("000/abc/websocket", "websocket"):
        opened = ask("GET", f"/sockjs/{below}", serving=serving, headers=WEBSOCKET)
        assert (opened.begins, opened.heartbeat) == (None, None)
    assert opened.codec is NativeSpeech.codec  # that of everywire's own WebSockets: encoded once for both


def test_all_clients_read_the_same_codec():
    serving = dialect()
    codecs = {id(ask("GET", "/sockjs/0/a/websocket", serving=serving, headers=WEBSOCKET).codec) for _ in range(2)}
    codecs.add(id(ask("POST", "/sockjs/0/a/xhr", serving=serving).opens.codec))
    assert len(codecs) == 1


@pytest.mark.parametrize("below", ["websocket", "0/0/websocket"])
@pytest.mark.parametrize(
    ("headers", "said"),
    [
        ({}, b'Can "Upgrade" only to "WebSocket".'),
        ({"Upgrade": "WebSocket", "Connection": "close"}, b'"Connection" must be "Upgrade".'),
    ],
)
def test_what_is_no_handshake(below, headers, said):
    answer = ask("GET", f"/sockjs/{below}", headers=headers)
    assert (answer.status, answer.body) == (400, said)


def test_a_websocket_over_http_2():
    assert isinstance(ask("CONNECT", "/sockjs/0/a/websocket", version="2", Upgrade="websocket"), Open)


def test_no_websockets():
    for below in ("websocket", "0/0/websocket"):
        assert ask("GET", f"/sockjs/{below}", serving=dialect(websocket=False), headers=WEBSOCKET).status == 404


def test_a_handshake_of_2010():
    fields = {"Upgrade": "WebSocket", "Connection": "Upgrade", "Sec-WebSocket-Key1": "1 1", "Sec-WebSocket-Key2": "1 1"}
    assert isinstance(ask("GET", "/sockjs/0/0/websocket", headers=fields), Bygone)


@pytest.mark.parametrize("transport", POLLS + STREAMS)
def test_what_fetches_frames(transport):
    found = hear(transport, response_limit=99, disconnect_delay=3.0)
    assert isinstance(found, Hear)
    assert (found.line, found.after, found.occupied) == ("/sockjs/abc", None, (2010, "Another connection still open"))
    assert (found.opens.greeting[0].data, found.opens.linger) == ("o", 3.0)
    assert found.form.one_shot is (transport in POLLS)
    assert found.form.limit == (0 if transport in POLLS else 99)
    assert dict(found.fields)["Cache-Control"] == "no-store, no-cache, no-transform, must-revalidate, max-age=0"


@pytest.mark.parametrize("transport", ["jsonp", "htmlfile"])
@pytest.mark.parametrize(
    ("query", "said"),
    [("", b'"callback" parameter required'), ("?c=", b'"callback" parameter required')]
    + [
        (f"?c={bad}", b'invalid "callback" parameter')
        for bad in ("%20", "*", "abc(", "abc%28", "%3Cscript%3E", "a%0d%0ab", "%ff")
    ],
)
def test_a_bad_callback_is_not_said_back(transport, query, said):
    answer = hear(transport + query)
    assert (answer.status, answer.body) == (500, said)
    assert dict(answer.headers)["Content-Type"] == "text/plain; charset=UTF-8"


@pytest.mark.parametrize(
    ("transport", "headers", "body", "texts"),
    [
        ("xhr_send", {}, b'["a","b"]', ("a", "b")),
        ("xhr_send", {"Content-Type": "application/xml"}, b"[]", ()),
        ("xhr_send", FORM, b'["d=1"]', ("d=1",)),
        ("jsonp_send", {"Content-Type": "text/plain"}, b'["%61bc"]', ("%61bc",)),
        ("jsonp_send", FORM, b"d=%5B%22%C5%BE%22%5D", ("ž",)),
        ("jsonp_send", FORM, 'd=["ž"]'.encode(), ("ž",)),
        ("jsonp_send", FORM, b"d=%5B%22a%2Bb+c%22%5D", ("a+b c",)),
    ],
)
def test_what_brings_messages(transport, headers, body, texts):
    found = ask("POST", f"/sockjs/000/abc/{transport}", body, headers=headers)
    assert isinstance(found, Deliver)
    assert (found.line, found.number, found.payloads, found.named) == ("/sockjs/abc", None, texts, True)
    wanted = (204, b"") if transport == "xhr_send" else (200, b"ok")
    assert (found.answer.status, found.answer.body) == wanted
    assert dict(found.answer.headers)["Content-Type"] == "text/plain; charset=UTF-8"


@pytest.mark.parametrize(
    ("transport", "headers", "body", "status", "said"),
    [
        ("xhr_send", {}, b"", 500, b"Payload expected."),
        ("xhr_send", {}, b'["x', 500, b"Broken JSON encoding."),
        ("xhr_send", {}, b"[1]", 500, b"Broken JSON encoding."),
        ("xhr_send", {}, b'["\xff"]', 500, b"Broken JSON encoding."),
        ("xhr_send", {}, '["x"]'.encode("utf-16"), 500, b"Broken JSON encoding."),
        ("jsonp_send", FORM, b"", 500, b"Payload expected."),
        ("jsonp_send", FORM, b"d=", 500, b"Payload expected."),
        ("jsonp_send", FORM, b"p=p", 500, b"Payload expected."),
        ("jsonp_send", FORM, b"d=%5B%22x", 500, b"Broken JSON encoding."),
        ("jsonp_send", FORM, b"d=%ff", 500, b"Payload expected."),
        ("jsonp_send", {}, b'["x', 500, b"Broken JSON encoding."),
        ("xhr_send", {}, b'["' + b"x" * 100 + b'"]', 413, b"Payload too large.\n"),
    ],
)
def test_what_brings_none(transport, headers, body, status, said):
    answer = ask("POST", f"/sockjs/000/abc/{transport}", body, serving=dialect(max_payload=99), headers=headers)
    assert isinstance(answer, Reply)
    assert (answer.status, answer.body) == (status, said)


def cookie(**headers):
    serving = dialect(cookie=True)
    heard = ask("POST", "/sockjs/0/a/xhr", serving=serving, **headers).fields
    sent = ask("POST", "/sockjs/0/a/jsonp_send", b"[]", serving=serving, **headers).answer.headers
    allowed = ask("OPTIONS", "/sockjs/0/a/xhr", serving=serving, **headers).headers
    found = {dict(fields)["Set-Cookie"] for fields in (heard, sent, allowed)}
    assert len(found) == 1
    return found.pop()


@pytest.mark.parametrize(
    ("headers", "value"),
    [
        ({}, "dummy"),
        ({"Cookie": "JSESSIONID=abcdef"}, "abcdef"),
        ({"Cookie": "a=b; JSESSIONID=worker!2.1"}, "worker!2.1"),
        ({"Cookie": 'JSESSIONID="a,b"'}, "dummy"),
        ({"Cookie": f"JSESSIONID={'x' * 257}"}, "dummy"),
    ],
)
def test_the_cookie_of_balancers(headers, value):
    assert cookie(**headers) == f"JSESSIONID={value}; path=/"


def test_there_is_none_unless_it_is_wanted():
    assert not any(name == "Set-Cookie" for name, _ in hear("xhr").fields)
    assert not any(name == "Set-Cookie" for name, _ in ask("GET", "/sockjs/info", serving=dialect(cookie=True)).headers)


def test_who_may_not_is_told_plainly():
    denied = hear("xhr").denial
    assert (denied(410, 1000, "over").status, denied(403, 103, "no").body) == (404, b"no\n")


def test_nobody_is_told_the_name_that_he_has_given():
    assert hear("xhr").opens.answer("/sockjs/abc") == Reply(204)
    assert Payload("o").data == hear("xhr").opens.greeting[0].data
