"""What is asked before there is a session, by whatever page."""

import json
import re

import pytest

from everywire.dialects.base import Embed
from everywire.dialects.sockjs.pages import Page, anybody, info, not_allowed, permission
from everywire.http.request import Headers, Request

CLIENT = "https://cdn.example/sockjs.js"


def request(**headers):
    return Request("GET", "/", Headers((name.replace("_", "-"), value) for name, value in headers.items()))


@pytest.mark.parametrize("origin", ["https://page.example", "null"])
def test_every_page_may_read_what_is_nobody_s(origin):
    fields = dict(anybody(request(Origin=origin)))
    assert fields == {
        "Access-Control-Allow-Origin": origin,
        "Access-Control-Allow-Credentials": "true",
        "Vary": "Origin",
    }
    assert dict(anybody(request())) == {"Access-Control-Allow-Origin": "*", "Vary": "Origin"}


@pytest.mark.parametrize(
    ("wanted", "named"),
    [
        ({}, None),
        ({"Access_Control_Request_Headers": ""}, None),
        ({"Access_Control_Request_Headers": "a, b, c"}, "a, b, c"),
        ({"Access_Control_Request_Headers": "X-Mine, b(d), "}, "X-Mine"),
    ],
)
def test_permission_to_ask(wanted, named):
    answer = permission(request(Origin="https://page.example", **wanted), "POST")
    fields = dict(answer.headers)
    assert (answer.status, answer.body) == (204, b"")
    assert fields.get("Access-Control-Allow-Headers") == named
    assert fields["Access-Control-Allow-Methods"] == "OPTIONS, POST"
    assert int(fields["Access-Control-Max-Age"]) > 1_000_000
    assert re.fullmatch("public, max-age=[0-9]{8}", fields["Cache-Control"])
    assert fields["Expires"]


@pytest.mark.parametrize("websocket", [True, False])
@pytest.mark.parametrize("cookie", [True, False])
def test_what_there_is(websocket, cookie):
    answer = info(request(), lambda: "an id", websocket=websocket, cookie=cookie)
    said = json.loads(answer.body)
    assert 0 <= said.pop("entropy") < 2**32
    assert said == {"websocket": websocket, "origins": ["*:*"], "cookie_needed": cookie}
    fields = dict(answer.headers)
    assert fields["Content-Type"] == "application/json; charset=UTF-8"
    assert fields["Cache-Control"] == "no-store, no-cache, no-transform, must-revalidate, max-age=0"


def test_no_two_are_told_the_same_number():
    numbers = {
        json.loads(info(request(), lambda given=each: str(given), websocket=True, cookie=False).body)["entropy"]
        for each in range(9)
    }
    assert len(numbers) == 9


def test_the_page_in_a_frame():
    answer = Page(CLIENT).answer(request())
    assert isinstance(answer, Embed)
    body = answer.reply.body.decode()
    assert body.startswith("<!DOCTYPE html>\n<html>\n<head>\n")
    assert f'  <script src="{CLIENT}"></script>\n  <script>\n    document.domain = document.domain;\n' in body
    assert body.endswith("</body>\n</html>")
    assert dict(answer.reply.headers)["Content-Type"] == "text/html; charset=UTF-8"


def test_who_has_it_is_told_so():
    tag = dict(Page(CLIENT).answer(request()).reply.headers)["ETag"]
    again = Page(CLIENT).answer(request(If_None_Match=tag)).reply
    assert (again.status, again.body) == (304, b"")
    assert "Content-Type" not in dict(again.headers)
    assert Page(CLIENT + "?2").answer(request(If_None_Match=tag)).reply.status == 200


def test_the_script_s_address_is_written_as_one():
    assert b'src="/a&quot;&gt;&lt;script&gt;"' in Page('/a"><script>').answer(request()).reply.body


def test_another_method():
    answer = not_allowed("OPTIONS", "POST")
    assert (answer.status, answer.body, answer.headers) == (405, b"", (("Allow", "OPTIONS, POST"),))
