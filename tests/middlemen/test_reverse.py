"""Behind real reverse proxies: both clients find what goes through within five seconds, and nothing is lost or doubled."""

import asyncio
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest
from tests.middlemen import proxies
from tests.middlemen.talkers import Person, Talkers, leave

pytestmark = pytest.mark.anyio

Proxy = Callable[[int, Path], AbstractContextManager[int]]
MIDDLEMEN: dict[str, tuple[Proxy, str]] = {
    "nginx as it comes": (lambda back, folder: proxies.nginx(back, folder, ""), "stream"),
    "nginx that buffers": (lambda back, folder: proxies.nginx(back, folder, proxies.BUFFERS), "poll"),
    "nginx that compresses": (lambda back, folder: proxies.nginx(back, folder, proxies.PRESSES), "poll"),
    "nginx that streams": (lambda back, folder: proxies.nginx(back, folder, proxies.STREAMS), "stream"),
    "HAProxy that deletes Upgrade": (lambda back, folder: proxies.haproxy(back, folder, proxies.STRIPS), "stream"),
    "HAProxy that cuts the idle": (lambda back, folder: proxies.haproxy(back, folder, idle="3s"), "websocket"),
}
EVERYDAY = {"nginx that compresses", "HAProxy that deletes Upgrade"}
FIRST, AGAIN = 5.0, 1.5  # seconds to the first message, and where it is known what works


@pytest.mark.parametrize(
    "name", [name if name in EVERYDAY else pytest.param(name, marks=pytest.mark.slow) for name in MIDDLEMEN]
)
async def test_both_clients(name: str, back: int, python: Talkers, javascript: Talkers, tmp_path: Path) -> None:
    start, expected = MIDDLEMEN[name]
    place = f"room:{name}", tmp_path / "log.jsonl"
    with start(back, tmp_path) as front:
        url = f"ws://127.0.0.1:{front}/everywire"
        ada, lin = Person(python, f"ada {name}", url, place), Person(javascript, f"lin {name}", url, place)
        met = await asyncio.gather(ada.meet(), lin.meet())
        print(name, [(round(each["first"], 2), each["transport"]) for each in met])
        assert [each["transport"] for each in met] == [expected] * 2
        assert max(each["first"] for each in met) < FIRST
        await asyncio.gather(ada.say(199), lin.say(199))
        again = Person(python, f"ada again {name}", url, place), Person(javascript, f"lin again {name}", url, place)
        met = await asyncio.gather(*[each.meet() for each in again])
        print(name, [(round(each["first"], 2), each["transport"]) for each in met])
        assert [each["transport"] for each in met] == [expected] * 2
        assert max(each["first"] for each in met) < AGAIN
        stands = await leave(ada, lin, *again)
        assert [each["connected"] for each in stands] == [1] * 4
