"""Compiles the native modules in place, fetching Python's C headers when the machine has none.

``python tools/native.py`` compiles what changed, and keeps what the compilers say to itself unless
they fail. Where the machine cannot compile at all it says so in one line and succeeds: the package
then runs its portable engine. Where it can, a module that does not compile is an error.
``EVERYWIRE_PURE=1`` compiles nothing.
"""

import os
import shlex
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path

import testbed

ROOT = Path(__file__).resolve().parent.parent


def compiler() -> list[str]:
    """The C compiler that setuptools is going to use."""
    return shlex.split(os.environ.get("CC") or str(sysconfig.get_config_var("CC") or "cc"))


def compiles(include_path: str) -> bool:
    """Whether the compiler works and finds Python.h along the colon-separated ``include_path``."""
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder, "probe.c")
        source.write_text("#include <Python.h>\nint main(void) { return 0; }\n")
        command = [
            *compiler(),
            *shlex.split(os.environ.get("CFLAGS", "")),
            f"-I{sysconfig.get_path('include')}",
            *("-c", str(source), "-o", str(source.with_suffix(".o"))),
        ]
        environment = {**os.environ, "C_INCLUDE_PATH": include_path}
        try:
            done = subprocess.run(command, env=environment, capture_output=True, check=False)
        except OSError:
            return False
        # A compiler that does nothing and succeeds is none.
        return done.returncode == 0 and source.with_suffix(".o").exists()


def include_path() -> str:
    """Where Python.h is, as a value for C_INCLUDE_PATH ("" if it needs none); raises Unavailable: cannot compile."""
    given = os.environ.get("C_INCLUDE_PATH", "")
    if compiles(given):
        return given
    try:
        subprocess.run([*compiler(), "--version"], capture_output=True, check=True)
        fetched = testbed.python_headers()
    except (OSError, subprocess.CalledProcessError) as error:
        raise testbed.Unavailable(f"no C compiler: {error}") from None
    path = os.pathsep.join([*map(str, fetched), *filter(None, [given])])
    if not compiles(path):
        raise testbed.Unavailable("the C compiler does not compile a program with Python.h")
    return path


def build(path: str) -> int:
    """Compile; what the compilers say is shown when they fail."""
    environment = {**os.environ, "EVERYWIRE_REQUIRE_NATIVE": "1"}
    if path:
        environment["C_INCLUDE_PATH"] = path
    if not any((ROOT / "src").rglob("*.so")):
        print("compiling the native engine, a minute or two …", flush=True)
    command = [sys.executable, "setup.py", "-q", "build_ext", "--inplace"]
    done = subprocess.run(
        command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False
    )
    if done.returncode:
        sys.stderr.buffer.write(done.stdout)
        sys.stderr.flush()
    return done.returncode


def main() -> int:
    if os.environ.get("EVERYWIRE_PURE", "") not in ("", "0"):
        return 0
    try:
        path = include_path()
    except testbed.Unavailable as error:
        print(
            f"everywire: no native engine, the portable one instead ({error}; on Debian: apt install gcc python3-dev)",
            file=sys.stderr,
        )
        return 1 if os.environ.get("EVERYWIRE_REQUIRE_NATIVE", "") not in ("", "0") else 0
    return build(path)


if __name__ == "__main__":
    sys.exit(main())
