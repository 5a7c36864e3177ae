"""`python -m everywire.testing.simulation`: plays many seeds, and says which break a promise."""

from __future__ import annotations

import argparse
import gc
import logging
import os
import sys
import time
from concurrent.futures import ProcessPoolExecutor

from everywire.testing.simulation.simulation import simulate

_BATCH = 50


def _play(seeds: range) -> list[tuple[int, list[str]]]:
    logging.disable(logging.CRITICAL)  # what breaks is meant to
    gc.freeze()  # the modules are not looked through again and again
    found = ((seed, simulate(seed)) for seed in seeds)
    return [
        (seed, [f"{each.promise} {each.client}: {each.what}" for each in faults]) for seed, faults in found if faults
    ]


def main() -> int:
    """Play the seeds; the exit code says whether all promises were kept."""
    parser = argparse.ArgumentParser(prog="python -m everywire.testing.simulation", description=__doc__)
    parser.add_argument("--seeds", type=int, default=10_000, help="how many (10000)")
    parser.add_argument(
        "--first", type=int, default=0, help="the first of them (0); one failing seed: --first N --seeds 1"
    )
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1, help="how many at a time (one per core)")
    given = parser.parse_args()
    begun, broken = time.monotonic(), 0
    last = given.first + given.seeds
    batches = [range(first, min(first + _BATCH, last)) for first in range(given.first, last, _BATCH)]
    with ProcessPoolExecutor(given.processes) as pool:
        for number, found in enumerate(pool.map(_play, batches), 1):
            for seed, faults in found:
                broken += 1
                print(f"\rseed {seed}: " + "; ".join(faults[:3]), flush=True)
            if sys.stderr.isatty():
                print(f"\r{number * _BATCH} of {given.seeds}", end="", file=sys.stderr, flush=True)
    print(f"{given.seeds} seeds, {broken} with a broken promise, in {time.monotonic() - begun:.0f} s")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
