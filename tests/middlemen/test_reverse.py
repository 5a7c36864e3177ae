"""Behind real reverse proxies: both clients find what goes through within five seconds, and nothing is lost or doubled."""

import asyncio
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest
from tests.middlemen import proxies
from tests.middlemen.limited import limited
from tests.middlemen.talkers import Person, Talkers, leave
from tests.web.hostile import HostileProxy

from everywire.testing import passed

pytestmark = pytest.mark.anyio

Proxy = Callable[[int, Path], AbstractContextManager[int]]
MIDDLEMEN: dict[str, tuple[Proxy, str]] = {
    "nginx as it comes": (lambda back, folder: proxies.nginx(back, folder, ""), "stream"),
    "nginx that buffers": (lambda back, folder: proxies.nginx(back, folder, proxies.BUFFERS), "poll"),
    "nginx that compresses": (lambda back, folder: proxies.nginx(back, folder, proxies.PRESSES), "poll"),
    "nginx that knows upgrades": (lambda back, folder: proxies.nginx(back, folder, proxies.UPGRADES), "websocket"),
    "squid": (proxies.squid, "stream"),
    "nginx that streams": (lambda back, folder: proxies.nginx(back, folder, proxies.STREAMS), "stream"),
    "HAProxy that deletes Upgrade": (lambda back, folder: proxies.haproxy(back, folder, proxies.STRIPS), "stream"),
    "HAProxy that does not delay": (lambda back, folder: proxies.haproxy(back, folder, proxies.PROMPT), "stream"),
    "HAProxy that cuts the idle": (lambda back, folder: proxies.haproxy(back, folder, idle="3s"), "websocket"),
}
EVERYDAY = {"nginx that compresses", "HAProxy that does not delay"}
FIRST, AGAIN = 5.0, 1.5  # seconds to the first message, and where it is known what works


Pair = tuple[Person, Person]


def pair(
    talkers: tuple[Talkers, Talkers], url: str, place: tuple[str, Path], name: str = "", **options: object
) -> Pair:
    """One client in Python and one in TypeScript."""
    names = [f"{who} in {place[0]} {name}" for who in ("ada", "lin")]
    one, other = [Person(each, who, url, place, **options) for each, who in zip(talkers, names, strict=True)]
    return one, other


@pytest.mark.parametrize(
    "name", [name if name in EVERYDAY else pytest.param(name, marks=pytest.mark.slow) for name in MIDDLEMEN]
)
async def test_both_clients(name: str, back: int, talkers: tuple[Talkers, Talkers], tmp_path: Path) -> None:
    start, expected = MIDDLEMEN[name]
    place = f"room:{name}", tmp_path / "log.jsonl"
    with start(back, tmp_path) as front:
        url = f"ws://127.0.0.1:{front}/everywire"
        people = pair(talkers, url, place)
        await meeting(people, expected, FIRST)
        await asyncio.gather(*[each.say(199) for each in people])
        again = pair(talkers, url, place, "again")
        await meeting(again, expected, AGAIN)
        stands = await leave(*people, *again)
        assert [each["connected"] for each in stands] == [1] * 4


async def meeting(people: Pair, expected: str, seconds: float) -> None:
    """Let both connect, and hear themselves within `seconds` over the transport that is `expected`."""
    met = await asyncio.gather(*[each.meet() for each in people])
    print([(each.who, round(stand["first"], 2), stand["transport"]) for each, stand in zip(people, met, strict=True)])
    assert [(each["transport"], each["known"] or expected) for each in met] == [(expected, expected)] * 2
    assert max(each["first"] for each in met) < seconds


@pytest.mark.slow
async def test_a_proxy_that_swallows_upgrades_and_holds_answers_back(
    back: int, talkers: tuple[Talkers, Talkers], tmp_path: Path
) -> None:
    place = "room:hostile", tmp_path / "log.jsonl"
    async with HostileProxy(back).open() as proxy:
        people = pair(talkers, f"ws://127.0.0.1:{proxy.port}/everywire", place)
        await meeting(people, "poll", FIRST)
        await asyncio.gather(*[each.say(199) for each in people])
        await leave(*people)


async def silent(people: list[Person], seconds: float) -> None:
    """Let all say nothing for so long, then speak; none of them may have been cut."""
    await asyncio.gather(*[each.meet() for each in people])
    await passed(seconds)
    await asyncio.gather(*[each.say(20) for each in people])
    stands = await leave(*people)
    assert [each["connected"] for each in stands] == [1] * len(people)


async def test_a_heartbeat_keeps_alive_what_is_cut_when_idle(
    beating: int, talkers: tuple[Talkers, Talkers], tmp_path: Path
) -> None:
    place = "room:idle", tmp_path / "log.jsonl"
    with proxies.haproxy(beating, tmp_path, idle="1500ms") as front:
        await silent(everybody(talkers, f"ws://127.0.0.1:{front}/everywire", place), 2.2)


def everybody(talkers: tuple[Talkers, Talkers], url: str, place: tuple[str, Path]) -> list[Person]:
    """Two clients on every transport that keeps a request open."""
    kinds = ["websocket", "stream", "sse", "poll"]
    return [each for kind in kinds for each in pair(talkers, url, place, kind, transports=[kind])]


@pytest.mark.slow
async def test_default_settings_live_where_half_a_minute_of_silence_is_cut(
    back: int, talkers: tuple[Talkers, Talkers], tmp_path: Path
) -> None:
    place = "room:half a minute", tmp_path / "log.jsonl"
    with proxies.haproxy(back, tmp_path, idle="30s") as front:
        await silent(everybody(talkers, f"ws://127.0.0.1:{front}/everywire", place), 70)


async def test_requests_that_are_cut_after_a_while(back: int, talkers: tuple[Talkers, Talkers], tmp_path: Path) -> None:
    async with limited(back, 0.25) as (front, cut):
        await talk_on(talkers, f"ws://127.0.0.1:{front}/everywire", tmp_path, 1.2)
        assert len(cut) >= 18


@pytest.mark.slow
async def test_requests_that_squid_cuts_after_ten_seconds(
    back: int, talkers: tuple[Talkers, Talkers], tmp_path: Path
) -> None:
    with proxies.squid(back, tmp_path, "client_lifetime 10 seconds") as front:
        await talk_on(talkers, f"ws://127.0.0.1:{front}/everywire", tmp_path, 35)


async def talk_on(talkers: tuple[Talkers, Talkers], url: str, folder: Path, seconds: float) -> None:
    """Let clients of each kind talk for a while over requests that are cut again and again: the session is one, and nothing is lost."""
    place = "room:cut", folder / "log.jsonl"
    kinds = ["stream", "sse", "poll"]
    people = [pair(talkers, url, place, f"{kind} {seconds}", transports=[kind]) for kind in kinds]
    everyone = [each for two in people for each in two]
    met = await asyncio.gather(*[each.meet() for each in everyone])
    assert max(each["first"] for each in met) < FIRST
    for _ in range(10):
        await asyncio.gather(*[each.say(20) for each in everyone])
        await passed(seconds / 10)
    stands = await leave(*everyone)
    assert [each["connected"] for each in stands] == [1] * len(everyone)


async def test_the_way_is_free_later(back: int, node: Path, tmp_path: Path) -> None:
    place = "room:free", tmp_path / "log.jsonl"
    with proxies.haproxy(back, tmp_path, proxies.STRIPS_AT_FIRST) as front:
        async with Talkers.in_python() as python, Talkers.in_node(node) as javascript:
            await asyncio.gather(python.ask("hurry"), javascript.ask("hurry"))
            url, talkers = f"ws://127.0.0.1:{front}/everywire", (python, javascript)
            people = pair(talkers, url, place)
            await meeting(people, "stream", FIRST)
            proxies.allow(tmp_path)
            moving = asyncio.gather(*[each.ask("over", transport="websocket") for each in people])
            while not moving.done():
                await asyncio.gather(*[each.say(20) for each in people])
                await passed(0.05)
            await asyncio.gather(*[each.say(100) for each in people])
            again = pair(talkers, url, place, "again")
            await meeting(again, "websocket", AGAIN)
            await leave(*people, *again)
