"""Has every client that everywire speaks with meet in one channel of one application, and shows who heard whom.

    python conformance/one_channel/run.py                       # all of them, 10 publications each
    python conformance/one_channel/run.py --count 100 --only socketio,ws
    python conformance/one_channel/run.py --list

The clients are the official ones, unmodified, at the versions in `families.py`; npm, Node and Chromium are fetched into `.testbed/` on the
first run. All publish at the same time. The verdict is strict: everybody heard everything that was published, once, in the order of the
channel's log; was told the same as its history; saw who is there, each with its dialect; and was answered by the handler.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import sys
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tools")]

from conformance.one_channel.families import FAMILIES, PACKAGES, Family  # noqa: E402
from conformance.one_channel.meeting import Machines, Outcome, meet  # noqa: E402

import testbed  # noqa: E402 - found by the line above

FINE = "everybody heard everything, in one order; history, presence and a call were answered in each language"


def table(outcome: Outcome) -> list[str]:
    """The lines of the table: who was heard, row by row, by whom, column by column, and how often in order."""
    names = [family.who for family in outcome.families]
    wide, cell = max(map(len, names)), max(3, len(str(outcome.count)) + 1)
    way = max(len("transport"), *(len(spoken.transport) for spoken in outcome.spoken.values()))
    head = "".join(f"{number:>{cell}}" for number, _ in enumerate(names, 1))
    lines = [f"    {'':<{wide}}  {'dialect':<9} {'transport':<{way}} {head}"]
    for number, family in enumerate(outcome.families, 1):
        heard = "".join(f"{outcome.passed(family.who, listener):>{cell}}" for listener in names)
        spoken = outcome.spoken[family.who]
        dialect = spoken.presence.get(family.who, "?")
        lines.append(f"{number:>3} {family.who:<{wide}}  {dialect:<9} {spoken.transport:<{way}} {heard}")
    return lines


def report(outcome: Outcome) -> list[str]:
    """What is printed of a meeting."""
    clients, pairs = len(outcome.families), len(outcome.families) ** 2
    told = f"{clients} clients, {len(outcome.log)} publications, {pairs} ordered pairs, {outcome.seconds:.1f} s"
    faults = outcome.faults
    verdict = [*faults, f"{len(faults)} fault{'s' * (len(faults) > 1)}"] if faults else [FINE]
    about = "Row: who published. Column: how many of those its client heard, from the first on, in order."
    return [*table(outcome), "", about, told, *verdict]


@contextlib.asynccontextmanager
async def machines(families: Sequence[Family]) -> AsyncIterator[Machines]:
    """Fetch what the clients need, and start a browser if one of them is in a page."""
    node, packages = testbed.node(), testbed.npm(*PACKAGES)
    if all(family.home != "page" for family in families):
        yield Machines(node, packages)
        return
    from playwright.async_api import async_playwright

    chromium: Any = testbed.chromium()
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium, args=list(testbed.CHROMIUM_ARGS))
        yield Machines(node, packages, browser)
        await browser.close()


async def run(families: Sequence[Family], count: int) -> Outcome:
    """Have them meet."""
    async with machines(families) as ready:
        return await meet(families, ready, count)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=10, help="publications of each client")
    parser.add_argument("--only", default="", help="clients whose names have one of these words, with commas between")
    parser.add_argument("--list", action="store_true", help="list the clients")
    given = parser.parse_args()
    wanted = [family for family in FAMILIES if any(word in family.who for word in given.only.split(","))]
    if given.list:
        print(*(f"{family.who} ({family.dialect}, {family.transport})" for family in wanted), sep="\n")
        return 0
    try:
        outcome = asyncio.run(run(wanted, given.count))
    except testbed.Unavailable as error:
        print(f"one_channel: {error}", file=sys.stderr)
        return 1
    print(*report(outcome), sep="\n")
    return 1 if outcome.faults else 0


if __name__ == "__main__":
    sys.exit(main())
