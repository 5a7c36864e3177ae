"""The compiled modules with AddressSanitizer, UndefinedBehaviourSanitizer and, where clang is found, coverage for the fuzzer.

Both builds are copies of the package, in `.testbed/fuzz`; the package's own build is not touched.
"""

from __future__ import annotations

import ast
import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
HOME = ROOT / ".testbed" / "fuzz"
BUILD, SOURCE = HOME / "build", HOME / "source"
LAYERS = ("http", "ws")  # whose compiled modules are built
FLAGS = "-O1 -g -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize=function"

SETUP = """\
import sys
from Cython.Build import cythonize
from setuptools import Extension, setup
modules = [Extension("everywire." + name.replace("/", "."), ["everywire/" + name + ".py"]) for name in {modules!r}]
setup(script_args=["-q", "build_ext", "--inplace"], ext_modules=cythonize(modules, quiet=True, compiler_directives={directives!r}))
"""


class Unavailable(Exception):
    """The sanitized build cannot be made here; the text says what is missing."""


def source() -> Path:
    """Make the plain build: the sources without extension modules, as the fuzzer's import hook can instrument them."""
    copy(SOURCE)
    return SOURCE


def copy(folder: Path) -> None:
    """Copy the package's sources into a new folder."""
    shutil.rmtree(folder, ignore_errors=True)
    ignore = shutil.ignore_patterns("*.so", "*.c", "__pycache__", "_static")
    shutil.copytree(ROOT / "src" / "everywire", folder / "everywire", ignore=ignore)


def sanitized() -> Path:
    """Make the build unless the sources are unchanged; returns the folder to import it from."""
    stamp = BUILD / "stamp"
    wanted = fingerprint()
    if stamp.exists() and stamp.read_text() == wanted:
        return BUILD
    copy(BUILD)
    types = [path for layer in LAYERS for path in sorted((BUILD / "everywire" / layer).glob("*.pxd"))]
    modules = [f"{path.parent.name}/{path.stem}" for path in types if path.with_suffix(".py").exists()]
    (BUILD / "setup.py").write_text(SETUP.format(modules=modules, directives=directives()))
    name, flags = compiler()
    environment = {**os.environ, "CC": name, "LDSHARED": f"{name} -shared", "CFLAGS": flags, "LDFLAGS": flags}
    done = subprocess.run([sys.executable, "setup.py"], cwd=BUILD, env=environment, capture_output=True, text=True)
    if done.returncode:
        raise Unavailable(f"the sanitized build failed:\n{done.stdout}{done.stderr}")
    stamp.write_text(wanted)
    return BUILD


def directives() -> dict[str, object]:
    """Cython's directives, as the package's own build has them: what is fuzzed is what is shipped."""
    for statement in ast.parse((ROOT / "setup.py").read_text()).body:
        if isinstance(statement, ast.Assign) and ast.unparse(statement.targets[0]) == "DIRECTIVES":
            return dict(ast.literal_eval(statement.value))
    raise Unavailable("setup.py has no DIRECTIVES")


def compiler() -> tuple[str, str]:
    """A compiler and its flags: clang gives coverage, gcc only the sanitizers."""
    for version in ("clang", "clang-19", "clang-18", "clang-17", "clang-16", "clang-15", "clang-14"):
        if shutil.which(version) and links(version):
            return version, f"{FLAGS} -fsanitize=fuzzer-no-link"
    if shutil.which("gcc"):
        return "gcc", FLAGS.replace(" -fno-sanitize=function", "")
    raise Unavailable("a compiler is needed: on Debian, apt-get install clang libclang-rt-14-dev (or gcc)")


def links(clang: str) -> bool:
    """True when this clang has its sanitizers' runtime beside it."""
    probe = [clang, "-shared", "-fPIC", *FLAGS.split(), "-fsanitize=fuzzer-no-link", "-x", "c", "-", "-o", "/dev/null"]
    return subprocess.run(probe, input="int one;", text=True, capture_output=True).returncode == 0


def fingerprint() -> str:
    """Changes whenever a source or the compiler does."""
    state = hashlib.sha256(repr(compiler()).encode())
    for path in sorted((ROOT / "src" / "everywire").rglob("*")):
        if path.suffix in {".py", ".pxd", ".pyx", ".h"}:
            state.update(path.as_posix().encode() + path.read_bytes())
    return state.hexdigest()
