"""The decoder under the fuzzer, in one build: whole input, then the same in pieces.

python -m fuzz.decoder_fuzz CORPUS [libFuzzer options]
"""

from __future__ import annotations

import sys

import atheris

with atheris.instrument_imports(include=["everywire"]):
    from everywire.ws import frames

from fuzz import judge


def one_input(data: bytes) -> None:
    """Try one input; any exception is a finding."""
    given = judge.scenario(data)
    whole = judge.decode(frames, given, [given.wire])
    judge.same(whole, judge.decode(frames, given, judge.pieces(given.wire, given.seed)), given, "whole and in pieces")


def main() -> None:
    """Hand over to libFuzzer, which does not return."""
    atheris.Setup(sys.argv, one_input)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
