"""Puts the Autobahn Testsuite, which needs Python 2.7, into `.testbed/autobahn`.

    python conformance/autobahn/install.py

Python 2.7 is taken from the environment variable EVERYWIRE_PYTHON27, from PATH, from pyenv, or, on a Debian
machine without any of these, from the packages of Debian 11, unpacked into `.testbed/python27` (no root needed).
The versions below are the newest ones that work together on Python 2.7; their order matters, because
later ones are built with earlier ones.
"""

from __future__ import annotations

import glob
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools"))

import testbed as testbed  # noqa: E402 - found by the line above; others take it from here
from testbed import Unavailable  # noqa: E402

HOME = testbed.HOME / "autobahn"
WSTEST = HOME / "venv27" / "bin" / "wstest"
SETTINGS = HOME / "environment.json"  # written last: its presence means "complete"

STEPS = (
    ("setuptools==44.0.0", "wheel==0.36.2", "incremental==16.10.1"),
    ("cryptography==3.3.2", "pyOpenSSL==19.1.0"),
    ("--no-build-isolation", "Twisted==19.10.0"),
    ("--no-build-isolation", "autobahntestsuite==25.10.1"),
)

DEBIAN_PACKAGES = (
    "python2.7 python2.7-minimal libpython2.7-minimal libpython2.7-stdlib libpython2.7-dev python2.7-dev "
    "libpython2.7 libssl1.1 libffi7"
).split()
KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"


def wstest_environment() -> dict[str, str]:
    """The environment variables to run `WSTEST` with; raises Unavailable when the suite is not installed."""
    if not SETTINGS.exists():
        raise Unavailable("the Autobahn Testsuite is not installed: python conformance/autobahn/install.py")
    return {**os.environ, **json.loads(SETTINGS.read_text())}


def install() -> None:
    """Install the suite; does nothing when it is complete. Raises Unavailable or CalledProcessError."""
    if not SETTINGS.exists():
        shutil.rmtree(HOME, ignore_errors=True)
        SETTINGS.write_text(json.dumps(make(HOME, STEPS)))


def make(home: Path, steps: tuple[tuple[str, ...], ...]) -> dict[str, str]:
    """Make an environment of Python 2.7 in `home/venv27` with what the steps install; gives the variables that it has to run with."""
    python, extra = find_python27()
    environment = {**os.environ, **extra}
    tool = home / "virtualenv"
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    run([*pip, "--target", str(tool), "virtualenv==20.15.1"])  # the last one that makes environments for 2.7
    command = [sys.executable, "-m", "virtualenv", "--quiet", "--python", python, str(home / "venv27")]
    run(command, environment | {"PYTHONPATH": str(tool)})
    python27 = str(home / "venv27" / "bin" / "python")
    for step in steps:
        print("installing", " ".join(name for name in step if not name.startswith("-")), flush=True)
        run([python27, "-m", "pip", "install", "--quiet", *step], environment | {"PYTHONWARNINGS": "ignore"})
    return extra


def find_python27() -> tuple[str, dict[str, str]]:
    """The path of a working Python 2.7 and the variables that it has to run with."""
    asked = os.environ.get("EVERYWIRE_PYTHON27")
    if asked:
        if not works(asked):
            raise Unavailable(f"EVERYWIRE_PYTHON27={asked} is not a working Python 2.7")
        return asked, {}
    pyenv = os.environ.get("PYENV_ROOT", os.path.expanduser("~/.pyenv"))
    for path in (shutil.which("python2.7"), *glob.glob(f"{pyenv}/versions/2.7*/bin/python2.7")):
        if path and works(path):
            return os.path.realpath(path) if "shims" not in path else path, {}
    return debian_python27()


def works(path: str, environment: dict[str, str] | None = None) -> bool:
    """True when the interpreter at path is a 2.7 with the standard library's ssl."""
    probe = [path, "-c", "import sys, ssl; sys.exit(sys.version_info[:2] != (2, 7))"]
    try:
        return subprocess.run(probe, capture_output=True, env=environment, timeout=20).returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return False


def debian_python27() -> tuple[str, dict[str, str]]:
    """Unpack Debian 11's Python 2.7 into the testbed (5 MB of downloads beside the package index)."""
    home = testbed.HOME / "python27"
    python = home / "root" / "usr" / "bin" / "python2.7"
    libraries = glob.glob(str(home / "root" / "usr" / "lib" / "*-linux-gnu*"))
    if not python.exists():
        if not shutil.which("apt-get") or not os.path.exists(KEYRING):
            raise Unavailable("no Python 2.7 found: install one and set EVERYWIRE_PYTHON27 to its path")
        unpack_debian(home)
        libraries = glob.glob(str(home / "root" / "usr" / "lib" / "*-linux-gnu*"))
    headers = home / "root" / "usr" / "include"
    extra = {"LD_LIBRARY_PATH": ":".join(libraries), "C_INCLUDE_PATH": f"{headers}/python2.7:{headers}"}
    if not works(str(python), {**os.environ, **extra}):
        raise Unavailable("Debian 11's Python 2.7 does not run here: set EVERYWIRE_PYTHON27 to one that does")
    return str(python), extra


def unpack_debian(home: Path) -> None:
    """Fetch DEBIAN_PACKAGES by apt with a private state directory; the machine's own apt is left alone."""
    for name in ("state/lists/partial", "cache/archives/partial", "etc", "root"):
        (home / name).mkdir(parents=True, exist_ok=True)
    (home / "status").touch()
    source = f"deb [signed-by={KEYRING}] http://deb.debian.org/debian bullseye main\n"
    (home / "etc" / "sources.list").write_text(source)
    configuration = home / "etc" / "apt.conf"
    configuration.write_text(
        f'Dir::Etc::sourcelist "{home}/etc/sources.list";\nDir::Etc::sourceparts "{home}/etc/none";\n'
        f'Dir::State "{home}/state";\nDir::State::status "{home}/status";\nDir::Cache "{home}/cache";\n'
        'APT::Sandbox::User "";\nAcquire::Languages "none";\nAcquire::Retries "3";\n'
    )
    environment = {**os.environ, "APT_CONFIG": str(configuration)}
    print("fetching Python 2.7 from the packages of Debian 11", flush=True)
    run(["apt-get", "-qq", "update"], environment)
    run(["apt-get", "-qq", "download", *DEBIAN_PACKAGES], environment, cwd=home / "cache")
    for package in (home / "cache").glob("*.deb"):
        run(["dpkg-deb", "-x", str(package), str(home / "root")])


def run(command: list[str], environment: dict[str, str] | None = None, cwd: Path | None = None) -> None:
    """Run a command; its output is shown only when it fails."""
    done = subprocess.run(
        command, env=environment, cwd=cwd, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    if done.returncode:
        sys.stdout.write(done.stdout)
        raise subprocess.CalledProcessError(done.returncode, command)


def main() -> int:
    """Install and say where; 1 when that is not possible here."""
    try:
        install()
    except (Unavailable, subprocess.CalledProcessError) as error:
        print(error, file=sys.stderr)
        return 1
    print(WSTEST)
    return 0


if __name__ == "__main__":
    sys.exit(main())
