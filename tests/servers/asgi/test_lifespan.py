"""The life of an application as its server tells of it."""

from contextlib import asynccontextmanager

import pytest
from tests.servers.asgi.hosting import Host

from everywire.errors import EverywireError
from everywire.servers.asgi import lifespan


def running(context):
    """An application that is there while `context` lasts."""
    return lambda scope, receive, send: lifespan(context(), receive, send)


async def test_startup_and_shutdown():
    done = []

    @asynccontextmanager
    async def context():
        done.append("begun")
        yield
        done.append("ended")

    host = Host(running(context), {"type": "lifespan"})
    host.tell("lifespan.startup")
    assert await host.hear() == {"type": "lifespan.startup.complete"}
    assert done == ["begun"]
    host.tell("lifespan.shutdown")
    assert await host.hear() == {"type": "lifespan.shutdown.complete"}
    await host.over()
    assert done == ["begun", "ended"]


async def test_what_goes_wrong_is_told_to_the_server_and_in_the_log(caplog):
    @asynccontextmanager
    async def context():
        raise ValueError("no such port")
        yield

    host = Host(running(context), {"type": "lifespan"})
    host.tell("lifespan.startup")
    assert await host.hear() == {"type": "lifespan.startup.failed", "message": "no such port"}
    await host.over()
    assert "the application cannot start" in caplog.text

    @asynccontextmanager
    async def other():
        yield
        raise ValueError("it was busy")

    host = Host(running(other), {"type": "lifespan"})
    host.tell("lifespan.startup")
    await host.hear()
    host.tell("lifespan.shutdown")
    assert await host.hear() == {"type": "lifespan.shutdown.failed", "message": "it was busy"}
    await host.over()
    assert "the application did not end well" in caplog.text


@pytest.mark.parametrize(
    "error", [OSError("cannot listen on port 80"), EverywireError("the application is not running")]
)
async def test_what_says_itself_what_is_wrong_is_logged_in_one_line(error, caplog):
    @asynccontextmanager
    async def context():
        raise error
        yield

    host = Host(running(context), {"type": "lifespan"})
    host.tell("lifespan.startup")
    await host.over()
    [record] = caplog.records
    assert record.getMessage() == f"the application cannot start: {error}"
    assert record.exc_info is None
