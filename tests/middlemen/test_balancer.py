"""No transport needs sticky sessions: HAProxy sends every request to the next of four workers, and nothing is lost or doubled."""

import asyncio
import contextlib
import os
import subprocess
import sys
from collections import Counter, defaultdict
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.middlemen import proxies
from tests.middlemen.talkers import APP, HERE, Person, Talkers, leave

WORKERS = 4
KINDS = ("websocket", "stream", "sse", "poll", "interval")

pytestmark = pytest.mark.anyio


@contextlib.asynccontextmanager
async def apart(folder: Path, app: str = APP) -> AsyncIterator[list[int]]:
    """Run the workers; gives their ports."""
    (folder / "live.py").write_text(app)
    paths = os.pathsep.join([str(HERE.parents[1]), *os.environ.get("PYTHONPATH", "").split(os.pathsep)])
    environment = {**os.environ, "EVERYWIRE_LOG": "WARNING", "PYTHONPATH": paths}
    with (folder / "workers.out").open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, str(HERE / "apart.py"), str(WORKERS)),
            cwd=folder,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=log,
        )
        try:
            assert process.stdout is not None
            async with asyncio.timeout(30):
                said, *ports = (await process.stdout.readline()).decode().split()
            assert (said, len(ports)) == ("ports", WORKERS)
            yield [int(port) for port in ports]
        finally:
            with contextlib.suppress(ProcessLookupError):
                process.terminate()
            async with asyncio.timeout(30):
                assert await process.wait() == 0


@pytest.mark.parametrize("count", [300, pytest.param(10_000, marks=[pytest.mark.slow, pytest.mark.timeout(550)])])
async def test_every_request_goes_to_another_worker(
    count: int, talkers: tuple[Talkers, Talkers], tmp_path: Path
) -> None:
    async with apart(tmp_path) as ports:
        with proxies.balancer(ports, tmp_path) as front:
            url = f"ws://127.0.0.1:{front}/everywire"
            await asyncio.gather(*[converse(kind, count, talkers, url, tmp_path) for kind in KINDS])
    spread(tmp_path / "haproxy.out")
    assert (tmp_path / "workers.out").read_text() == ""


async def converse(kind: str, count: int, talkers: tuple[Talkers, Talkers], url: str, folder: Path) -> None:
    """Have a Python and a TypeScript client say `count` messages each to each other by one transport; halfway all connections are cut."""
    place = f"room:{kind}", folder / f"{kind}.jsonl"
    people = [Person(each, f"{kind} {n}", url, place, transports=[kind]) for n, each in enumerate(talkers)]
    met = await asyncio.gather(*[each.meet() for each in people])
    assert [each["transport"] for each in met] == [kind] * 2
    await asyncio.gather(*[each.say(count // 2) for each in people])
    if kind == "websocket":
        saying = asyncio.gather(*[each.say(count - count // 2) for each in people])
        for worker in range(WORKERS):
            proxies.tell(folder, f"shutdown sessions server workers/w{worker}")
        await saying
    else:
        await asyncio.gather(*[each.say(count - count // 2) for each in people])
    stands = await leave(*people)
    assert [each["transport"] for each in stands] == [kind] * 2


def spread(log: Path) -> None:
    """See in the balancer's log that it did as it was told: all workers got as much, and those of one line too."""
    asked = [line.split() for line in log.read_text().splitlines() if line.startswith("w")]
    workers = Counter(worker for worker, _, _ in asked)
    assert len(workers) == WORKERS
    assert max(workers.values()) - min(workers.values()) <= WORKERS, workers
    lines: dict[str, set[str]] = defaultdict(set)
    counts: Counter[str] = Counter()
    for worker, _, path in asked:
        if "/lines/" in path:
            name = path.split("/")[3]
            lines[name].add(worker)
            counts[name] += 1
    assert len(lines) >= 2 * len(KINDS) - 2
    print(workers, [(counts[name], len(found)) for name, found in lines.items()])
