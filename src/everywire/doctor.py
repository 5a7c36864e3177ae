"""What runs on this machine: engine, libraries, limits; what is missing and how to get it."""

from __future__ import annotations

import json
import os
import platform
import re
import shlex
import ssl
import sys
import sysconfig
from collections.abc import Callable
from dataclasses import dataclass
from importlib import metadata
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path
from shutil import which

import everywire
from everywire import engine as engines
from everywire.builds import COMPILED, pure_wanted

__all__ = ["Finding", "examine"]

GOOD, NEUTRAL, LACKING = "✓", "·", "!"

# extra: (what it requires, what it is for). The requirements are pyproject.toml's: to install one of them takes neither
# a checkout nor an index that knows everywire, and builds nothing anew.
_EXTRAS = {
    "django": ("channels>=4.2", "Django: publishing, users, the channel layer"),
    "fastapi": ("fastapi>=0.115", "the router for FastAPI"),
    "h2": ("h2>=4.1", "WebSocket over HTTP/2"),
    "jwks": ("PyJWT[crypto]>=2.10", "tokens signed with public keys"),
    "metrics": ("prometheus-client>=0.20", "metrics for Prometheus"),
    "otel": ("opentelemetry-api>=1.25", "spans of OpenTelemetry"),
    "proxy": ("python-socks[asyncio]>=2.5", "HTTP and SOCKS proxies for the client"),
    "uvloop": ("uvloop>=0.21", "another event loop, if you want it"),
}
_TOLD_BY = {"jwks": "cryptography"}  # where what it requires is there without the extra, too
_ENOUGH_DESCRIPTORS = 10_000
_BACKLOG = 4096


@dataclass(frozen=True, slots=True)
class Finding:
    """One fact: `mark` is ✓ (good), · (neutral) or ! (lacking); `advice` says how to better it."""

    mark: str
    name: str
    fact: str
    advice: str = ""


def examine() -> dict[str, list[Finding]]:
    """Look at everything; the sections in the order in which they are read."""
    return {
        "everywire": [_ourselves(), _engine(), *_compiled()],
        "Python": [_interpreter(), _build_flags(), _openssl()],
        "Libraries": [*map(_required, ("msgspec", "click", "httptools"))],
        "Extras": [_extra(extra, *about) for extra, about in _EXTRAS.items()],
        "Limits": [_descriptors(), _backlog()],
    }


def _ourselves() -> Finding:
    return Finding(GOOD, "version", f"{everywire.__version__} in {Path(everywire.__file__).parent}")


def _engine() -> Finding:
    chosen = os.environ.get("EVERYWIRE_ENGINE") or engines.available()[0]
    if chosen not in engines.available():
        return Finding(
            LACKING, "engine", f"EVERYWIRE_ENGINE={chosen}, which is not available", "unset EVERYWIRE_ENGINE"
        )
    if chosen == "native":
        return Finding(GOOD, "engine", "native")
    if "native" in engines.available():
        return Finding(NEUTRAL, "engine", "portable: EVERYWIRE_ENGINE asks for it", "unset EVERYWIRE_ENGINE")
    if pure_wanted():
        return Finding(NEUTRAL, "engine", "portable: EVERYWIRE_PURE is set", "unset EVERYWIRE_PURE")
    return Finding(LACKING, "engine", f"portable: {engines.native_error}", native_advice(which, _headers()))


def native_advice(found: Callable[[str], str | None], headers: Path) -> str:
    """Say how to get the native engine on a machine where `found` finds programs and `headers` is Python.h."""
    if not sys.platform.startswith("linux"):
        return "the native engine is for Linux; the portable one is right here"
    missing = [] if found("cc") or found("gcc") or found("clang") else ["gcc"]
    if not headers.exists():
        missing.append("python3-dev")
    install = f"apt install {' '.join(missing)}, then " if missing else ""
    return install + _rebuild()


def _rebuild() -> str:
    """Give the command that compiles this installation anew."""
    if (root := _checkout()) is not None:
        return "make build" if root == Path.cwd() else f"make -C {shlex.quote(str(root))} build"
    source = _source()
    if source is not None and source.endswith(".whl"):
        source = "/path/to/everywire"  # a wheel would only bring back what it holds
    from_index = "" if source is not None else "--no-binary everywire "
    options = f"--force-reinstall --no-deps --no-cache-dir {from_index}"
    return f"{_pip_install()} {options}{shlex.quote(source or 'everywire')}"


def _pip_install() -> str:
    """Name this interpreter's pip, as it is typed in the current directory."""
    program = Path(sys.executable)
    if which("python") == str(program):
        shown = "python"
    else:
        inside = program.is_relative_to(Path.cwd())
        shown = shlex.quote(str(program.relative_to(Path.cwd()) if inside else program))
    return f"{shown} -m pip install"


def _headers() -> Path:
    return Path(sysconfig.get_path("include")) / "Python.h"


def _checkout() -> Path | None:
    """Give the folder of the sources that run here; None where they were installed."""
    root = Path(everywire.__file__).parents[2]
    return root if (root / "Makefile").exists() and (root / "setup.py").exists() else None


def _source() -> str | None:
    """Say where pip got this installation from, as something to install; None where that was an index."""
    try:
        known = json.loads(metadata.distribution("everywire").read_text("direct_url.json") or "{}")
    except (metadata.PackageNotFoundError, ValueError):
        return None
    url: str | None = known.get("url")
    if url is not None and "vcs_info" in known:
        return f"{known['vcs_info']['vcs']}+{url}"
    return url


def _compiled() -> list[Finding]:
    """Say which modules run compiled; all of them or none, unless a build went wrong."""
    if pure_wanted():
        return [Finding(NEUTRAL, "compiled", "none: EVERYWIRE_PURE is set")]
    missing = [name for name in COMPILED if not _extension_exists(name)]
    if len(missing) == len(COMPILED):
        return [Finding(LACKING, "compiled", "no module")]
    if missing:
        return [Finding(LACKING, "compiled", f"not {', '.join(missing)}: an incomplete build", _rebuild())]
    return [Finding(GOOD, "compiled", ", ".join(COMPILED))]


def _extension_exists(name: str) -> bool:
    path = Path(everywire.__file__).parent.joinpath(*name.split("."))
    return any(path.with_name(path.name + suffix).exists() for suffix in EXTENSION_SUFFIXES)


def _interpreter() -> Finding:
    return Finding(
        GOOD, "interpreter", f"{platform.python_implementation()} {platform.python_version()}, {platform.platform()}"
    )


def _build_flags() -> Finding:
    arguments = sysconfig.get_config_var("CONFIG_ARGS") or ""
    flags = [flag for flag in ("--enable-optimizations", "--with-lto") if flag in arguments]
    if sysconfig.get_config_var("Py_GIL_DISABLED"):
        flags.append("without GIL")
    if hasattr(sys, "gettotalrefcount"):
        return Finding(LACKING, "built", "for debugging", "use a release build: it is several times faster")
    return Finding(GOOD if flags else NEUTRAL, "built", ", ".join(flags) or "without special optimizations")


def _openssl() -> Finding:
    return Finding(GOOD, "TLS", ssl.OPENSSL_VERSION)


def _required(name: str) -> Finding:
    version = _version(name)
    if version is not None:
        return Finding(GOOD, name, version)
    return Finding(LACKING, name, "missing", f"{_pip_install()} {name}")


def _extra(extra: str, requirement: str, purpose: str) -> Finding:
    distribution = _TOLD_BY.get(extra) or re.split(r"[\[<>=]", requirement)[0]
    version = _version(distribution)
    if version is not None:
        return Finding(GOOD, extra, f"{distribution} {version}: {purpose}")
    return Finding(NEUTRAL, extra, f"not installed: {purpose}", f"{_pip_install()} {shlex.quote(requirement)}")


def _version(distribution: str) -> str | None:
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return None


def _descriptors() -> Finding:
    try:
        import resource
    except ImportError:  # not a Unix
        return Finding(NEUTRAL, "descriptors", "no limit known")
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    unlimited = resource.RLIM_INFINITY
    enough = soft == unlimited or soft >= _ENOUGH_DESCRIPTORS
    names = ["unlimited" if limit == unlimited else str(limit) for limit in (soft, hard)]
    advice = "" if enough else f"a connection takes one: ulimit -n {names[1]}"
    return Finding(GOOD if enough else LACKING, "descriptors", f"{names[0]} (at most {names[1]})", advice)


def _backlog() -> Finding:
    try:
        limit = int(Path("/proc/sys/net/core/somaxconn").read_text())
    except (OSError, ValueError):
        return Finding(NEUTRAL, "backlog", "no limit known")
    enough = limit >= _BACKLOG
    advice = "" if enough else f"connections that come at once may be refused: sysctl net.core.somaxconn={_BACKLOG}"
    return Finding(GOOD if enough else LACKING, "backlog", str(limit), advice)
