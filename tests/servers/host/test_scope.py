"""What an application is told of a request."""

import pytest

from everywire.http.h2 import read_request
from everywire.http.head import HeadLimits
from everywire.http.request import Headers, Request
from everywire.servers.host.scope import Facts, scope


class Known:
    """A connection of which this much is known."""

    def __init__(self, **facts):
        self.facts = facts

    def extra(self, name):
        return self.facts.get(name)


class Tls:
    """A connection's TLS, as far as it is asked for."""

    def cipher(self):
        return ("TLS_AES_128_GCM_SHA256", "TLSv1.3", 128)

    def version(self):
        return "TLSv1.3"

    def getpeercert(self, binary_form=False):
        return None


def request(target="/", *fields, method="GET", version="1.1", **known):
    made = Request(method, target, Headers(fields), version=version)
    made.facts = Known(**known)
    return made


def test_a_plain_request():
    asked = request(
        "/a%20b?x=%31",
        ("Host", "example"),
        ("X-Two", "1"),
        ("Accept", "*/*"),
        ("x-two", "2"),
        method="POST",
        peername=("10.0.0.1", 999),
        sockname=("10.0.0.2", 80),
    )
    assert scope(asked, "http", Facts()) == {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.5"},
        "http_version": "1.1",
        "method": "POST",
        "scheme": "http",
        "path": "/a b",
        "raw_path": b"/a%20b",
        "query_string": b"x=%31",
        "root_path": "",
        "headers": [(b"host", b"example"), (b"x-two", b"1"), (b"accept", b"*/*"), (b"x-two", b"2")],
        "client": ("10.0.0.1", 999),
        "server": ("10.0.0.2", 80),
        "extensions": {},
    }


@pytest.mark.parametrize(
    ("target", "path", "raw"),
    [
        ("/%E4%BD%A0", "/你", b"/%E4%BD%A0"),
        ("/\xe4\xbd\xa0", "/你", b"/\xe4\xbd\xa0"),
        ("/%ff", "/�", b"/%ff"),
        ("/a%2Fb%3F", "/a/b?", b"/a%2Fb%3F"),
        ("/a%zz", "/a%zz", b"/a%zz"),
        ("//a/../b", "//a/../b", b"//a/../b"),
        ("/x?u=http://example/a", "/x", b"/x"),
        ("*", "*", b"*"),
    ],
)
def test_paths(target, path, raw):
    made = scope(request(target), "http", Facts())
    assert (made["path"], made["raw_path"]) == (path, raw)


def test_the_root_path_comes_before_the_path():
    made = scope(request("/a%20b"), "http", Facts(root_path="/api"))
    assert (made["root_path"], made["path"], made["raw_path"]) == ("/api", "/api/a b", b"/api/a%20b")


def test_a_header_outside_of_ascii_keeps_its_bytes():
    made = scope(request("/", ("X-Name", "\xe9\x85")), "http", Facts())
    assert made["headers"] == [(b"x-name", b"\xe9\x85")]


def test_over_a_unix_socket_the_server_is_a_path_and_the_client_unknown():
    made = scope(request(peername="", sockname="/run/x.sock"), "http", Facts())
    assert (made["client"], made["server"]) == (None, ("/run/x.sock", None))
    assert scope(request(sockname=b"\0name"), "http", Facts())["server"] == ("\0name", None)


def test_over_ipv6_an_address_has_two_parts_as_well():
    made = scope(request(peername=("::1", 5, 0, 0), sockname=("::1", 6, 0, 0)), "http", Facts())
    assert (made["client"], made["server"]) == (("::1", 5), ("::1", 6))


def test_a_request_of_no_connection():
    made = scope(Request("GET", "/", Headers()), "http", Facts())
    assert (made["client"], made["server"], made["scheme"]) == (None, None, "http")


def test_the_state_is_a_shallow_copy_of_its_own():
    state = {"pool": [], "count": 1}
    made = scope(request(), "http", Facts(state=state))
    assert made["state"] == state
    made["state"]["count"] = 2
    assert state["count"] == 1
    assert made["state"]["pool"] is state["pool"]
    assert "state" not in scope(request(), "http", Facts())


def test_extensions_are_of_the_scope_alone():
    facts = Facts(extensions={"http.response.trailers": {}})
    made = scope(request(), "http", facts)
    made["extensions"]["mine"] = {}
    assert scope(request(), "http", facts)["extensions"] == {"http.response.trailers": {}}


def test_a_websocket():
    asked = request(
        "/chat", ("Sec-WebSocket-Protocol", "a, b"), ("Sec-WebSocket-Protocol", "c"), ("Upgrade", "websocket")
    )
    made = scope(asked, "websocket", Facts())
    assert (made["type"], made["scheme"], made["subprotocols"]) == ("websocket", "ws", ["a", "b", "c"])
    assert "method" not in made
    assert (b"upgrade", b"websocket") in made["headers"]


def test_over_http2_the_authority_is_the_host_and_comes_first():
    fields = [
        (b":method", b"GET"),
        (b":path", b"/a"),
        (b":scheme", b"https"),
        (b":authority", b"example"),
        (b"a", b"b"),
    ]
    made = scope(read_request([*fields, (b"host", b"other")], HeadLimits()), "http", Facts())
    assert made["headers"] == [(b"host", b"example"), (b"a", b"b")]
    assert made["http_version"] == "2"


def test_a_websocket_over_http2_has_no_headers_that_nobody_sent():
    fields = [(b":method", b"CONNECT"), (b":protocol", b"websocket"), (b":path", b"/a"), (b":scheme", b"https")]
    asked = read_request([*fields, (b":authority", b"example"), (b"sec-websocket-version", b"13")], HeadLimits())
    made = scope(asked, "websocket", Facts())
    assert made["headers"] == [(b"host", b"example"), (b"sec-websocket-version", b"13")]
    assert made["http_version"] == "2"


def test_what_a_trusted_proxy_says_is_written_in_at_last():
    def behind(asked, made):
        made["scheme"] = asked.headers["x-forwarded-proto"]

    made = scope(request("/", ("X-Forwarded-Proto", "https")), "http", Facts(behind=behind))
    assert made["scheme"] == "https"


def test_tls_is_told_of():
    tls = Tls()
    made = scope(request(ssl_object=tls), "http", Facts(server_cert="PEM"))
    assert made["scheme"] == "https"
    assert made["extensions"]["tls"] == {
        "server_cert": "PEM",
        "client_cert_chain": [],
        "client_cert_name": None,
        "client_cert_error": None,
        "tls_version": 0x0304,
        "cipher_suite": 0x1301,
    }
    made["extensions"]["tls"].clear()
    assert scope(request(ssl_object=tls), "websocket", Facts())["extensions"]["tls"]["cipher_suite"] == 0x1301
