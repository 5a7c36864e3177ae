"""What FastAPI's exceptions say to clients."""

import pytest
from fastapi import HTTPException, WebSocketException
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException as PlainHTTPException

from everywire.errors import Refused
from everywire.fastapi.wording import unfit, worded


@pytest.mark.parametrize(
    ("status", "code", "temporary"),
    [
        (400, 107, False),
        (401, 101, False),
        (402, 1402, False),
        (403, 103, False),
        (404, 1404, False),
        (408, 113, True),
        (409, 111, False),
        (422, 107, False),
        (429, 108, True),
        (500, 100, True),
        (503, 1503, True),
        (504, 113, True),
        (799, 1799, False),
    ],
)
def test_a_status_is_a_code(status, code, temporary):
    for kind in (HTTPException, PlainHTTPException):
        said = worded(kind(status, "why"))
        assert isinstance(said, Refused)
        assert (said.reason, said.code, said.temporary) == ("why", code, temporary)
        assert said.data == {"status": status, "detail": "why"}


def test_a_detail_may_be_anything():
    assert worded(HTTPException(404)).reason == "Not Found"
    assert worded(HTTPException(799, {"a": 1})).reason == "status 799"
    assert worded(HTTPException(404, {"a": 1})).data == {"status": 404, "detail": {"a": 1}}


@pytest.mark.parametrize(
    ("close", "code"), [(1008, 103), (1013, 108), (1011, 100), (1007, 107), (4401, 101), (4999, 103)]
)
def test_a_close_is_a_code(close, code):
    said = worded(WebSocketException(close, "why"))
    assert (said.reason, said.code, said.temporary) == ("why", code, close == 1013)
    assert said.data == {"close": close}
    assert worded(WebSocketException(close)).reason == "refused"


def test_what_is_not_fit_has_its_place():
    found = [{"type": "missing", "loc": ("query", "room"), "msg": "Field required"}]
    said = worded(RequestValidationError(found))
    assert said.reason == "bad request: Field required - at `query.room`"
    assert said.data == {"errors": [{"path": "query.room", "reason": "Field required"}]}


def test_what_is_told_of_it_has_an_end():
    said = unfit([{"loc": ("header", "x" * 400), "msg": "y" * 400}] * 40)
    assert len(said.reason) == 300
    assert len(said.data["errors"]) == 10
    assert len(said.data["errors"][0]["reason"]) == 300


def test_other_errors_are_ours():
    error = ValueError("a password is in here")
    assert worded(error) is error
