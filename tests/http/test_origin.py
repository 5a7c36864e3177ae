"""Which pages may ask, and which may read the answer."""

import re

import pytest

from everywire.http.origin import OWN, Besides, Only, allowed, cors, fits, framing, preflight, source, strictly
from everywire.http.request import Headers, Request

HERE, THERE = "https://here.example", "https://evil.example"
COOKIE = {"Cookie": "session=1"}


def request(method="GET", host="here.example", **headers):
    fields = [(name.replace("_", "-"), value) for name, value in headers.items()]
    return Request(method, "/", Headers([("Host", host), *fields]))


@pytest.mark.parametrize(
    ("headers", "found"),
    [
        ({}, None),
        ({"Origin": HERE}, OWN),
        ({"Origin": "http://here.example"}, OWN),  # TLS may end before us
        ({"Origin": "HTTPS://HERE.EXAMPLE:443"}, "HTTPS://HERE.EXAMPLE:443"),
        ({"Origin": "https://here.example:8443"}, "https://here.example:8443"),
        ({"Origin": "https://here.example.evil.example"}, "https://here.example.evil.example"),
        ({"Origin": THERE}, THERE),
        ({"Origin": "null"}, "null"),
        ({"Origin": ""}, ""),
        ({"Origin": THERE, "Sec_Fetch_Site": "same-origin"}, THERE),
        ({"Sec_Fetch_Site": "none"}, None),
        ({"Sec_Fetch_Site": "same-origin"}, OWN),
        ({"Sec_Fetch_Site": "same-site"}, "null"),
        ({"Sec_Fetch_Site": "cross-site", "Referer": THERE + "/page"}, THERE),  # a script in a page of another origin
        ({"Sec_Fetch_Site": "same-site", "Referer": "http://a.here.example:8000/"}, "http://a.here.example:8000"),
        ({"Sec_Fetch_Site": "cross-site", "Referer": HERE + "/page"}, "null"),  # who is who here?
        ({"Sec_Fetch_Site": "same-origin", "Referer": THERE}, OWN),
        ({"Sec_Fetch_Site": "cross-site", "Referer": "https://here.example@evil.example/"}, "null"),
        ({"Sec_Fetch_Site": "cross-site", "Referer": "file:///etc"}, "null"),
        ({"Sec_Fetch_Site": "cross-site"}, "null"),
        ({"Referer": HERE + "/page?x"}, OWN),
        ({"Referer": THERE + "/here.example"}, THERE),
        ({"Referer": "nonsense"}, "null"),
        ({"Referer": "https://[broken"}, "null"),
        ({"Referer": THERE, "Sec_Fetch_Site": "none"}, None),
    ],
)
def test_where_a_request_comes_from(headers, found):
    assert source(request(**headers)) == found


def test_several_origins_are_none_that_may_ask():
    both = Request("GET", "/", Headers([("Host", "here.example"), ("Origin", HERE), ("Origin", HERE)]))
    assert source(both) == "null"


@pytest.mark.parametrize(
    ("headers", "origins", "may"),
    [
        ({}, None, True),  # no browser at all
        (COOKIE, None, False),
        ({"Origin": HERE}, None, True),
        ({"Origin": HERE, **COOKIE}, None, True),
        ({"Origin": THERE}, None, False),
        ({"Origin": "null"}, None, False),
        ({"Sec_Fetch_Site": "same-origin", **COOKIE}, None, True),
        ({"Sec_Fetch_Site": "cross-site"}, None, False),  # an <img> brings no Origin
        ({"Sec_Fetch_Site": "cross-site", "Referer": THERE + "/"}, None, False),
        ({"Sec_Fetch_Site": "cross-site", "Referer": THERE + "/", **COOKIE}, [THERE], True),
        ({"Sec_Fetch_Site": "cross-site", "Referer": THERE + "/", **COOKIE}, ["*"], False),
        ({"Sec_Fetch_Site": "cross-site", "Referer": HERE + "/"}, None, False),
        ({"Sec_Fetch_Site": "same-site", **COOKIE}, None, False),
        ({}, [THERE], True),
        (COOKIE, [THERE], False),
        (COOKIE, [THERE, None], True),
        ({"Origin": HERE}, [THERE], True),
        ({"Origin": HERE, **COOKIE}, [THERE], True),
        ({"Sec_Fetch_Site": "same-origin", **COOKIE}, [THERE], True),
        ({"Origin": "https://other.example"}, [THERE], False),
        ({"Origin": "null"}, [THERE, None], False),
        ({"Sec_Fetch_Site": "cross-site"}, [THERE, None], False),
        ({"Origin": HERE}, [], True),
        ({"Origin": THERE}, [], False),
        ({}, Only([HERE]), False),
        ({}, Only([HERE, None]), True),
        ({"Origin": HERE}, Only([HERE]), True),
        ({"Origin": HERE}, Only([THERE]), False),
        ({"Sec_Fetch_Site": "same-origin"}, Only([HERE]), True),
        ({"Sec_Fetch_Site": "same-origin"}, Only([THERE]), False),
        ({"Origin": THERE, **COOKIE}, Only([THERE]), True),
        ({"Origin": THERE}, Only(["*"]), True),
        ({"Origin": THERE, **COOKIE}, Only(["*"]), False),
        ({"Origin": HERE}, Only([]), False),
        ({"Origin": THERE, **COOKIE}, [THERE], True),
        ({"Origin": THERE}, ["*"], True),
        ({"Origin": THERE, **COOKIE}, ["*"], False),
        ({"Origin": HERE, **COOKIE}, ["*"], True),
        ({"Origin": "null"}, ["*"], False),
        ({"Origin": "null"}, ["null"], False),
        ({"Origin": "https://a.example"}, [re.compile(r"https://\w+\.example")], True),
        ({"Origin": "https://a.example.evil"}, [re.compile(r"https://\w+\.example")], False),
        ({"Origin": THERE, **COOKIE}, Besides(None, [THERE]), True),
        ({"Origin": HERE, **COOKIE}, Besides(None, [THERE]), True),
        ({}, Besides(None, [THERE]), True),
        (COOKIE, Besides(None, [THERE]), False),
        ({"Origin": "https://other.example"}, Besides(None, [THERE]), False),
        ({"Origin": "null"}, Besides(None, [THERE]), False),
        ({"Origin": HERE}, Besides(["https://other.example"], [THERE]), True),
        ({"Origin": HERE}, Besides(Only(["https://other.example"]), [THERE]), False),
        ({"Origin": THERE}, Besides(Only(["https://other.example"]), [THERE]), True),
        ({"Origin": "https://other.example"}, Besides(["https://other.example"], [THERE]), True),
        ({"Origin": THERE}, Besides(["*"], [THERE]), True),
    ],
)
def test_who_may_ask(headers, origins, may):
    assert allowed(request(**headers), origins) is may


@pytest.mark.parametrize(
    ("headers", "opened_by", "may"),
    [
        ({}, None, True),
        ({}, OWN, True),
        ({}, THERE, False),
        ({"Origin": HERE}, OWN, True),
        ({"Sec_Fetch_Site": "same-origin"}, OWN, True),
        ({"Origin": HERE}, None, True),
        ({"Origin": THERE}, None, False),
        ({"Origin": THERE}, OWN, False),
        ({"Origin": THERE}, THERE, True),
        ({"Origin": "https://other.example"}, THERE, False),
    ],
)
def test_a_line_is_the_page_s_that_opened_it(headers, opened_by, may):
    assert fits(request(**headers), opened_by) is may


def test_who_may_read_the_answer():
    assert cors(request(), None) == [("Vary", "Origin")]
    assert cors(request(Origin=HERE), None) == [("Vary", "Origin")]
    listed = dict(cors(request(Origin=THERE), [THERE]))
    assert listed["Access-Control-Allow-Origin"] == THERE
    assert listed["Access-Control-Allow-Credentials"] == "true"
    anyone = dict(cors(request(Origin=THERE), ["*"]))
    assert anyone == {"Vary": "Origin", "Access-Control-Allow-Origin": THERE}


def test_what_a_page_may_send():
    wanted = "Content-Type, X-Evil, AUTHORIZATION"
    fields = dict(preflight(request("OPTIONS", Origin=THERE, Access_Control_Request_Headers=wanted), [THERE]))
    assert fields["Access-Control-Allow-Headers"] == "content-type, authorization"
    assert fields["Access-Control-Allow-Methods"] == "GET, POST, DELETE"
    assert "Access-Control-Allow-Headers" not in dict(preflight(request("OPTIONS", Origin=THERE), [THERE]))


def test_a_page_may_send_whatever_it_asks_for_where_a_language_lets_it():
    wanted = "X-Mine, content-type, x y, \x00, @"
    asked = request("OPTIONS", Origin=THERE, Access_Control_Request_Headers=wanted)
    fields = preflight(asked, [THERE], any_header=True)
    assert dict(fields)["Access-Control-Allow-Headers"] == "x-mine, content-type"
    assert [value for name, value in fields if name == "Vary"] == ["Origin", "Access-Control-Request-Headers"]


def test_who_may_ask_besides_may_read_the_answer_with_cookies():
    fields = dict(cors(request(Origin=THERE), Besides(None, [THERE])))
    assert fields["Access-Control-Allow-Credentials"] == "true"
    fields = dict(preflight(request(Origin=THERE), Besides(["*"], [THERE])))
    assert fields["Access-Control-Allow-Credentials"] == "true"
    fields = dict(cors(request(Origin="https://other.example"), Besides(["*"], [THERE])))
    assert "Access-Control-Allow-Credentials" not in fields


@pytest.mark.parametrize(
    ("origins", "referer", "ancestors"),
    [
        (None, None, "'self'"),
        (None, THERE + "/page", "'self'"),
        ([THERE, None], None, f"'self' {THERE}"),
        (["*"], THERE + "/page", "'self'"),
        ([re.compile(r"https://\w+\.example")], THERE + "/page", f"'self' {THERE}"),
        ([re.compile(r"https://\w+\.example")], "https://evil.test/page", "'self'"),
        (Only([THERE, None]), None, THERE),
        (Only([HERE, THERE]), THERE + "/page", f"{HERE} {THERE}"),
        (Only([]), None, "'none'"),
        (Only(["*"]), THERE + "/page", "'none'"),
        (Only([re.compile(r"https://\w+\.example")]), THERE + "/page", THERE),
        (Only([re.compile(".*")]), "https://evil.test; script-src *", "'none'"),
        (Besides(None, [THERE]), None, f"'self' {THERE}"),
        (Besides(Only([HERE]), [re.compile("https://evil.*")]), THERE, f"{HERE} {THERE}"),
    ],
)
def test_in_whose_frames_a_page_may_be(origins, referer, ancestors):
    fields = {"Referer": referer} if referer is not None else {}
    assert framing(request(**fields), origins) == [
        ("Content-Security-Policy", f"frame-ancestors {ancestors}"),
        ("Vary", "Referer"),
    ]


@pytest.mark.parametrize(
    ("said", "strict"),
    [
        (None, Only(())),
        ([HERE], Only([HERE])),
        (Only([HERE]), Only([HERE])),
        (Besides(None, [THERE]), Besides(Only(()), [THERE])),
        (Besides(Besides(None, [HERE]), [THERE]), Besides(Besides(Only(()), [HERE]), [THERE])),
    ],
)
def test_only_those_that_are_listed(said, strict):
    assert strictly(said) == strict
