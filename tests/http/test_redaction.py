"""What logs may have of an address."""

import pytest

from everywire.http.redaction import shown
from everywire.http.request import Headers, Request


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("/everywire", "/everywire"),
        ("/everywire?token=secret&channel=room:1", "/everywire?token=...&channel=..."),
        ("/everywire?secret", "/everywire?..."),
        ("/everywire?t%6fken=secret#secret", "/everywire?t%6fken=..."),
        ("/everywire/lines/secret/stream?after=3", "/everywire/lines/.../stream?after=..."),
        ("/everywire/lines/secret", "/everywire/lines/..."),
        ("wss://ann:secret@example.org/x?token=secret", "wss://...@example.org/x?token=..."),
        ("/\x1b[31m\n\u202e", "/\\x1b[31m\\n\\u202e"),
        ("/#secret", "/"),
    ],
)
def test_what_is_shown(address, said):
    assert shown(address) == said


def test_a_request_shows_no_more():
    assert repr(Request("GET", "/x?token=secret", Headers([("Cookie", "secret")]))) == "<Request GET /x?token=...>"
