"""`everywire publish` to a running application."""

import asyncio

import pytest
from click.testing import CliRunner

from everywire.app import Everywire
from everywire.brokers.base import Query
from everywire.cli import commands

KEY = "k" * 16


@pytest.fixture
async def app():
    app = Everywire()
    app.channel("room:{name}", history=5)
    app.admin(key=KEY, port=0)
    async with app.serving(port=0):
        yield app


async def said(app, *arguments, text=None, key=KEY):
    url = f"http://127.0.0.1:{app.administration[0].port}"
    environment = {"EVERYWIRE_PUBLISH_KEY": key, "EVERYWIRE_PUBLISH_URL": url}
    runner = CliRunner(env=environment)
    return await asyncio.to_thread(
        runner.invoke, commands, ["publish", *arguments], input=text, auto_envvar_prefix="EVERYWIRE"
    )


async def kept(app):
    place = app.hub.place("room:1")
    found = await app.hub.broker.read("room:1", Query(), place.kind.retention)
    return [bytes(one.data) for one in found.publications]


async def test_json_and_text_and_the_input(app):
    outcome = await said(app, "room:1", '{"n": 1}')
    assert (outcome.exit_code, outcome.output) == (0, "room:1: offset 1\n")
    assert (await said(app, "room:1", "--text", "Dinner")).output == "room:1: offset 2\n"
    assert (await said(app, "room:1", "-", text="[3]")).output == "room:1: offset 3\n"
    assert await kept(app) == [b'{"n":1}', b'"Dinner"', b"[3]"]


async def test_once_and_ephemeral(app):
    for expected in ("room:1: offset 1\n", "room:1: offset 1, it was there already\n"):
        assert (await said(app, "room:1", "1", "--once", "today")).output == expected
    assert (await said(app, "room:1", "2", "--ephemeral")).output == "room:1: told to who listens\n"


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (("room:1", "Dinner"), "--text"),
        (("nowhere", "1"), "unknown channel"),
        (("room:1", "1", "--key", "x" * 16), "show the key"),
        (("room:1", "1", "--url", "ws://localhost"), "no address"),
    ],
)
async def test_what_goes_wrong_is_one_line(app, arguments, why):
    outcome = await said(app, *arguments)
    assert outcome.exit_code == 1
    assert why in outcome.output
    assert outcome.output.count("\n") == 1
