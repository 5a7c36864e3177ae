"""Addresses of sessions."""

import pytest

from everywire.dialects.sockjs.routes import FRAME_PAGE, Route, route


@pytest.mark.parametrize("server", ["000", "999", "_", "abcdefgh_i-j "])
def test_the_server_s_part_means_nothing(server):
    assert route(f"{server}/abc/xhr") == Route("abc", "xhr")


@pytest.mark.parametrize(
    "below",
    [
        "",
        "/",
        "//",
        "///",
        "a/b",
        "a/b/",
        "/b/xhr",
        "a//xhr",
        "a./a/xhr",
        "a/a./xhr",
        "./././xhr",
        "a/b/c/xhr",
        f"a/{'b' * 129}/xhr",
    ],
)
def test_what_is_no_session_s_address(below):
    assert route(below) is None


@pytest.mark.parametrize(
    "name", ["iframe.html", "iframe-a.html", "iframe-.html", "iframe-0.1.2.html", "iframe-0.1.2abc-dirty.2144.html"]
)
def test_names_of_the_page_in_a_frame(name):
    assert FRAME_PAGE.fullmatch(name)


@pytest.mark.parametrize(
    "name",
    ["iframe.htm", "iframe", "IFRAME.HTML", "IFRAME", "iframe.HTML", "iframe.xml", "iframe-/.html", "iframe.html\n"],
)
def test_what_is_not_that_page(name):
    assert not FRAME_PAGE.fullmatch(name)
