"""Builds the optional native modules; without a compiler the package stays pure Python.

A module is compiled when it is a ``.pyx``, or a ``.py`` with a ``.pxd`` of the same name beside it
(one source, two builds). Everything else about the package is in pyproject.toml.

``EVERYWIRE_PURE=1`` compiles nothing. ``EVERYWIRE_REQUIRE_NATIVE=1`` makes a failed compilation an
error instead of a pure package.
"""

import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext
from setuptools.command.build_py import build_py

SOURCES = Path("src")
PURE = os.environ.get("EVERYWIRE_PURE", "") not in ("", "0")
REQUIRE_NATIVE = os.environ.get("EVERYWIRE_REQUIRE_NATIVE", "") not in ("", "0")

FLAGS = ["/O2"] if sys.platform == "win32" else ["-O3", "-g0", "-fvisibility=hidden", "-Wno-unused-function"]
DIRECTIVES = {
    "language_level": 3,
    "boundscheck": False,
    "annotation_typing": False,  # the .pxd files say the types; annotations are for readers and mypy
    "wraparound": False,  # hence no negative index in a compiled module; the house test looks
    "embedsignature": True,
    "embedsignature.format": "python",
}


def native_sources() -> Iterator[Path]:
    """Every source that has a compiled build, in a stable order."""
    package = SOURCES / "everywire"
    yield from sorted(package.rglob("*.pyx"))
    yield from sorted(p for p in package.rglob("*.py") if p.with_suffix(".pxd").exists())


def extensions() -> list[Any]:
    """The native modules, translated to C; none where that is unwanted or impossible."""
    if PURE:
        return []
    modules = [
        Extension(
            ".".join(source.relative_to(SOURCES).with_suffix("").parts),
            [source.as_posix()],
            extra_compile_args=FLAGS,
            optional=not REQUIRE_NATIVE,
        )
        for source in native_sources()
    ]
    try:
        from Cython.Build import cythonize

        return list(
            cythonize(
                modules,
                build_dir="build/cython",
                include_path=[SOURCES.as_posix()],
                compiler_directives=DIRECTIVES,
            )
        )
    except Exception as error:
        if REQUIRE_NATIVE:
            raise
        remove_compiled(None)
        say_pure(f"translation to C failed: {error}")
        return []


def remove_compiled(keep: set[str] | None) -> None:
    """Delete in-place builds of modules not in ``keep``: a stale one would hide its newer source."""
    for pattern in ("*.so", "*.pyd"):
        for built in (SOURCES / "everywire").rglob(pattern):
            name = ".".join((*built.parent.relative_to(SOURCES).parts, built.name.split(".")[0]))
            if keep is None or name not in keep:
                built.unlink()


def say_pure(reason: str) -> None:
    print(f"everywire: no native build, pure Python instead ({reason})", file=sys.stderr)


class BuildNative(build_ext):
    """Compiles what compiles; never leaves a module's older build behind."""

    def run(self) -> None:
        if self.inplace and not PURE:
            remove_compiled({extension.name for extension in self.extensions})
        super().run()

    def build_extension(self, ext: Any) -> None:
        try:
            super().build_extension(ext)
        except Exception as error:
            if REQUIRE_NATIVE:
                raise
            for built in (Path(self.get_ext_fullpath(ext.name)), in_place(self, ext)):
                built.unlink(missing_ok=True)
            say_pure(f"{ext.name}: {error}")


def in_place(command: build_ext, ext: Any) -> Path:
    """Where an in-place build of ``ext`` lies."""
    return SOURCES.joinpath(*ext.name.split(".")[:-1], Path(command.get_ext_filename(ext.name)).name)


class BuildFresh(build_py):
    """Empties build/lib first: an earlier build's files would be packed into the wheel."""

    def run(self) -> None:
        if not self.editable_mode:
            shutil.rmtree(self.build_lib, ignore_errors=True)
        super().run()


setup(ext_modules=extensions(), cmdclass={"build_ext": BuildNative, "build_py": BuildFresh})
