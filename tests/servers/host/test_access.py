"""The access log: one line for each request, which nothing that a client sends can forge."""

import asyncio
import json
import logging
from pathlib import Path
from typing import Any

import pytest

from everywire.errors import Disconnected
from everywire.http.request import Headers, Request, Response
from everywire.ops.logs import JsonFormatter, TextFormatter
from everywire.servers.host.access import logged
from everywire.servers.native import Native


def scope(path: str = "/", query: str = "", **more: Any) -> dict[str, Any]:
    raw = {"raw_path": path.encode("latin-1"), "query_string": query.encode("latin-1")}
    return {"type": "http", "method": "GET", "client": ("1.2.3.4", 5), "extensions": {}, **raw, **more}


async def sent(message: dict[str, Any]) -> None:
    """Be a server that takes everything."""


def saying(*messages: dict[str, Any], error: BaseException | None = None) -> Any:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        for each in messages:
            await send(each)
        if error is not None:
            raise error

    return logged(app)


def said(caplog: pytest.LogCaptureFixture) -> dict[str, Any]:
    (record,) = caplog.records
    assert record.name == "everywire.access"
    assert isinstance(record.args, dict)
    return record.args


@pytest.fixture(autouse=True)
def aloud(caplog):
    caplog.set_level(logging.INFO, "everywire.access")


START = {"type": "http.response.start", "status": 201}
BODY = {"type": "http.response.body", "body": b"abc", "more_body": True}


async def test_a_line_says_whose_what_how_much_and_how_long(caplog):
    await saying(START, BODY, BODY, {"type": "http.response.body"})(scope("/shop", "id=7&token=secret"), None, sent)
    found = said(caplog)
    assert 0 <= found.pop("seconds") < 5
    assert found == {"client": "1.2.3.4", "method": "GET", "path": "/shop?id=...&token=...", "status": 201, "bytes": 6}


async def test_it_is_one_line_of_text_or_an_object_of_json(caplog):
    await saying(START, {"type": "http.response.body"})(scope("/shop"), None, sent)
    (record,) = caplog.records
    line = TextFormatter().format(record)
    assert "everywire.access: 1.2.3.4 GET /shop 201 0 0.0" in line
    found = json.loads(JsonFormatter().format(record))
    assert (found["method"], found["path"], found["status"], found["bytes"]) == ("GET", "/shop", 201, 0)
    assert isinstance(found["seconds"], float)


async def test_nothing_of_a_request_steers_a_terminal_or_forges_a_line(caplog):
    await saying(START, {"type": "http.response.body"})(
        scope("/a\x1b[2J\x85\n1.1.1.1", method="GE\nT", client=None), None, sent
    )
    assert caplog.records[0].getMessage().startswith("- GE\\nT /a\\x1b[2J\\x85\\n1.1.1.1 201 0 ")


@pytest.mark.parametrize(
    ("app", "status", "count"),
    [
        (saying(error=KeyError("x")), 500, 0),
        (saying(), 500, 0),
        (saying(START, BODY, error=KeyError("x")), 201, 3),
        (saying(START, {"type": "http.response.early_hint", "links": []}, error=KeyError("x")), 500, 0),
        (saying(error=Disconnected("gone")), 499, 0),
        (saying(error=ConnectionRefusedError("a database")), 500, 0),
        (saying({**START, "status": 200}, {"type": "http.response.pathsend", "path": __file__}), 200, Path(__file__).stat().st_size),
        (saying({**START, "status": 200}, {"type": "http.response.zerocopysend", "count": 9}), 200, 9),
    ],
)  # fmt: skip
async def test_what_became_of_it_is_told_also_where_it_went_wrong(caplog, app, status, count):
    try:
        await app(scope(), None, sent)
    except (KeyError, OSError):
        pass
    assert (said(caplog)["status"], said(caplog)["bytes"]) == (status, count)


async def test_a_file_that_is_gone_when_it_was_sent_is_counted(caplog, tmp_path):
    path = tmp_path / "report"
    path.write_bytes(b"12345")

    async def sending(message: dict[str, Any]) -> None:
        if message["type"] == "http.response.pathsend":
            path.unlink()

    await saying(START, {"type": "http.response.pathsend", "path": str(path)})(scope(), None, sending)
    assert (said(caplog)["status"], said(caplog)["bytes"]) == (201, 5)


async def test_an_answer_to_head_has_no_body(caplog):
    await saying(START, BODY, {"type": "http.response.body"})(scope(method="HEAD"), None, sent)
    assert (said(caplog)["status"], said(caplog)["bytes"]) == (201, 0)


@pytest.mark.parametrize(
    ("messages", "status", "count"),
    [
        ([{"type": "websocket.accept"}, {"type": "websocket.send", "text": "ä"}, {"type": "websocket.send", "bytes": b"12"}], 101, 4),
        ([{"type": "websocket.close"}], 403, 0),
        ([{"type": "websocket.http.response.start", "status": 418}, {"type": "websocket.http.response.body", "body": b"tea"}], 418, 3),
        ([{"type": "websocket.accept"}, {"type": "websocket.close"}], 101, 0),
    ],
)  # fmt: skip
async def test_a_websocket_is_logged_at_its_end(caplog, messages, status, count):
    await saying(*messages)(scope("/ws", type="websocket"), None, sent)
    found = said(caplog)
    assert (found["method"], found["status"], found["bytes"]) == ("WEBSOCKET", status, count)


async def test_a_websocket_that_a_mounted_everywire_took_is_in_its_own_log(caplog):
    answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
    native = Native(Request("GET", "/ws", Headers()), answer)
    ours = scope("/ws", type="websocket", extensions={"everywire": native})
    native.take(Response(403))
    await saying()(ours, None, sent)
    assert caplog.records == []


async def test_one_that_nobody_answered_is_a_500(caplog):
    native = Native(Request("GET", "/ws", Headers()), asyncio.get_running_loop().create_future())
    await saying()(scope("/ws", type="websocket", extensions={"everywire": native}), None, sent)
    assert said(caplog)["status"] == 500
