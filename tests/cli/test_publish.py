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
    app.channel("map:{name}", keyed=True, history=5)
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
        (("room:1", "1", "--key", "x" * 16), "has another key than that given by --key, or in the environment"),
        (("map:1", "1"), "names its entry"),
        (("map:1", "1", "--entry", "x", "--expect", "7"), "the entry is not there; --expect 0 sets it then"),
        (("map:1", "1", "--entry", "x", "--ephemeral"), "entries are for everybody, and kept"),
        (("room:1", "1", "--entry", "x"), "there are no entries here"),
        (("room:1", "1", "--url", "ws://localhost"), "no address"),
    ],
)
async def test_what_goes_wrong_is_one_line(app, arguments, why):
    outcome = await said(app, *arguments)
    assert outcome.exit_code == 1
    assert why in outcome.output
    assert outcome.output.count("\n") == 1


async def test_without_a_key_it_says_where_one_is_given(app):
    outcome = await said(app, "room:1", "1", key=None)
    assert outcome.exit_code == 1
    assert "--key" in outcome.output
    assert "EVERYWIRE_PUBLISH_KEY" in outcome.output
    assert "Bearer" not in outcome.output


async def entries(app):
    found = await app.hub.broker.entries("map:1", Query(limit=9), app.hub.place("map:1").kind.retention)
    return {one.entry: bytes(one.data) for one in found.entries}


async def test_an_entry_is_set_compared_and_removed(app):
    assert (await said(app, "map:1", "1", "--entry", "x", "--expect", "0")).output == "map:1: offset 1\n"
    again = await said(app, "map:1", "2", "--entry", "x", "--expect", "0")
    assert (again.exit_code, again.output) == (1, "Error: the entry was set by another publication, at offset 1\n")
    assert (
        await said(app, "map:1", "3", "--entry", "x", "--expect", "1", "--ttl", "60.5")
    ).output == "map:1: offset 2\n"
    assert await entries(app) == {"x": b"3"}
    assert (await said(app, "map:1", "--entry", "x", "--remove")).output == "map:1: offset 3\n"
    assert await entries(app) == {}


async def test_one_user_or_session_alone_is_told(app):
    await said(app, "room:1", "1", "--to-user", "ann")
    await said(app, "room:1", "2", "--to-session", "s")
    found = await app.hub.broker.read("room:1", Query(), app.hub.place("room:1").kind.retention)
    assert [(one.audience.user, one.audience.session) for one in found.publications] == [("ann", None), (None, "s")]


async def test_an_idempotency_key_has_its_own_name_too(app):
    for expected in ("room:1: offset 1\n", "room:1: offset 1, it was there already\n"):
        assert (await said(app, "room:1", "1", "--idempotency-key", "today")).output == expected


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (("room:1",), "DATA is missing"),
        (("room:1", "--entry", "x"), "DATA is missing"),
        (("map:1", "1", "--expect", "0"), "--expect is about an entry"),
        (("map:1", "1", "--ttl", "5"), "--ttl is about an entry"),
        (("map:1", "--remove"), "--remove is about an entry"),
        (("map:1", "1", "--entry", "x", "--ttl", "0"), "--ttl"),
        (("map:1", "1", "--entry", "x", "--ttl", "inf"), "'--ttl': a number above 0 is needed"),
        (("map:1", "1", "--entry", "x", "--ttl", "nan"), "'--ttl': a number above 0 is needed"),
        (("map:1", "1", "--entry", "x", "--expect", "-1"), "--expect"),
        (("room:1", "1", "--to-user", "a", "--to-session", "b"), "either --to-user or --to-session"),
    ],
)
async def test_options_that_make_no_sense_are_refused(app, arguments, why):
    outcome = await said(app, *arguments)
    assert outcome.exit_code == 2
    assert why in outcome.output
