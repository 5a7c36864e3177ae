"""Both builds of the decoder under the fuzzer: the compiled one and its source have to give the same events for the same bytes."""

from __future__ import annotations

import importlib.util
import sys
from types import ModuleType

import atheris

from everywire.ws import frames as native
from fuzz import judge


def source_of(module: ModuleType) -> ModuleType:
    """The same module as plain Python, beside the compiled one, which alone guides the fuzzer: tracing both takes longer."""
    path = (module.__file__ or "").split(".cpython")[0].removesuffix(".py") + ".py"
    spec = importlib.util.spec_from_file_location(module.__name__ + "_source", path)
    assert spec is not None and spec.loader is not None
    source = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = source  # dataclasses look there
    spec.loader.exec_module(source)
    return source


pure = source_of(native)


def one_input(data: bytes) -> None:
    """Try one input; any exception is a finding."""
    given = judge.scenario(data)
    whole = judge.decode(native, given, [given.wire])
    judge.same(whole, judge.decode(pure, given, [given.wire]), given, "native and pure")
    cut = judge.pieces(given.wire, given.seed)
    judge.same(whole, judge.decode(native, given, cut), given, "native: whole and in pieces")
    judge.same(whole, judge.decode(pure, given, cut), given, "native whole and pure in pieces")


def main() -> None:
    """Hand over to libFuzzer, which does not return."""
    if native.__file__ == pure.__file__:
        sys.exit("the differential target needs the compiled build")
    atheris.Setup(sys.argv, one_input)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
