"""Bodies of each transport, byte by byte."""

import json
import re

import pytest

from everywire.dialects.sockjs.forms import BAD_CALLBACK, NO_CALLBACK, Forms, fault_of

FORMS = Forms(4096)
SAID = ("o", 'a["x"]', "h", 'a["y"]', 'c[3000,"Go away!"]')


def test_polls():
    assert FORMS.xhr.pack(SAID[1:2]) == b'a["x"]\n'
    assert FORMS.xhr.goodbye(3000, "Go away!") == b'c[3000,"Go away!"]\n'
    jsonp = FORMS.jsonp("callback")
    assert jsonp.pack(("o",)) == b'/**/callback("o");\r\n'
    assert jsonp.pack(SAID[1:]) == b'/**/callback("a[\\"x\\",\\"y\\"]");\r\n'
    assert jsonp.goodbye(3000, "Go away!") == b'/**/callback("c[3000,\\"Go away!\\"]");\r\n'
    assert FORMS.xhr.one_shot
    assert jsonp.one_shot
    assert FORMS.xhr.content_type == jsonp.content_type == "application/javascript; charset=UTF-8"


@pytest.mark.parametrize(
    ("form", "content_type", "prelude", "frame"),
    [
        (FORMS.xhr_streaming, "application/javascript; charset=UTF-8", b"h" * 2048 + b"\n", b"%b\n"),
        (FORMS.eventsource, "text/event-stream", b"\r\n", b"data: %b\r\n\r\n"),
    ],
)
def test_streams(form, content_type, prelude, frame):
    assert (form.content_type, form.prelude, form.limit, form.one_shot) == (content_type, prelude, 4096, False)
    assert form.pack(("o",)) == frame % b"o"
    assert form.pack(SAID) == frame % b"o" + frame % b'a["x","y"]'
    assert form.pack(SAID[1:2]) == frame % b'a["x"]'
    assert form.pack(SAID[4:]) == b""  # the goodbye says so, to whoever asks
    assert form.goodbye(3000, "Go away!") == frame % b'c[3000,"Go away!"]'


def test_a_page_that_never_ends():
    form = FORMS.htmlfile("a.b-c_1")
    assert form.content_type == "text/html; charset=UTF-8"
    assert len(form.prelude) > 1024
    assert b"var c = parent.a.b-c_1;\n" in form.prelude
    assert form.pack(SAID[1:2]) == b'<script>\np("a[\\"x\\"]");\n</script>\r\n'
    assert form.limit == 4096


@pytest.mark.parametrize("message", ["</script><script>alert(1)</script>", "<!--<script>", "\\u003c/script>"])
def test_what_somebody_says_does_not_end_a_script(message):
    frame = f'a["{message}"]'
    for form in (FORMS.htmlfile("c"), FORMS.jsonp("c")):
        body = form.pack((frame,)).decode()
        inner = re.search(r'\("(.*)"\)', body)[1]
        assert "<" not in inner
        assert json.loads(f'"{inner}"') == frame


@pytest.mark.parametrize("callback", ["c", "a.b", "_jp.abc123", "a-b", "x" * 128])
def test_names_of_callbacks(callback):
    assert fault_of(callback) is None


@pytest.mark.parametrize(
    "callback", [" ", "*", "abc(", "a;b", "<script>", "a\nb", "a/b", "a[0]", "alert(1)//", "é", "x" * 129, "a\u2028"]
)
def test_what_is_no_callback(callback):
    assert fault_of(callback) == BAD_CALLBACK


@pytest.mark.parametrize("callback", ["", None])
def test_no_callback_at_all(callback):
    assert fault_of(callback) == NO_CALLBACK
