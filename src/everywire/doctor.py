"""What runs on this machine: engine, libraries, limits; what is missing and how to get it."""

from __future__ import annotations

import os
import platform
import ssl
import sys
import sysconfig
from collections.abc import Callable
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from shutil import which

import everywire
from everywire import engine as engines
from everywire.builds import pure_wanted

__all__ = ["Finding", "examine"]

GOOD, NEUTRAL, LACKING = "✓", "·", "!"

# extra: (distribution, what it is for)
_EXTRAS = {
    "h2": ("h2", "WebSocket over HTTP/2"),
    "proxy": ("python-socks", "SOCKS proxies for the client"),
    "uvloop": ("uvloop", "another event loop, if you want it"),
}
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
        return Finding(LACKING, "engine", "portable, although there is a native one", "unset EVERYWIRE_ENGINE")
    return Finding(LACKING, "engine", f"portable: {engines.native_error}", native_advice(which, _headers()))


def native_advice(found: Callable[[str], str | None], headers: Path) -> str:
    """Say how to get the native engine on a machine where `found` finds programs and `headers` is Python.h."""
    if pure_wanted():
        return "unset EVERYWIRE_PURE"
    if not sys.platform.startswith("linux"):
        return "the native engine is for Linux; the portable one is right here"
    missing = [] if found("cc") or found("gcc") or found("clang") else ["gcc"]
    if not headers.exists():
        missing.append("python3-dev")
    install = f"apt install {' '.join(missing)}, then " if missing else ""
    return install + (
        "make build" if _checkout() else "pip install --force-reinstall --no-cache-dir --no-binary everywire everywire"
    )


def _headers() -> Path:
    return Path(sysconfig.get_path("include")) / "Python.h"


def _checkout() -> bool:
    return (Path(everywire.__file__).parents[2] / "Makefile").exists()


def _compiled() -> list[Finding]:
    """Say which modules run compiled; all of them or none, unless a build went wrong."""
    root = Path(everywire.__file__).parent
    wanted = [path.with_suffix("") for path in sorted([*root.rglob("*.pxd"), *root.rglob("*.pyx")])]
    names = sorted({".".join(path.relative_to(root).parts) for path in wanted if _has_source(path)})
    if pure_wanted():
        return [Finding(NEUTRAL, "compiled", "none: EVERYWIRE_PURE is set")]
    there = [name for name in names if any(root.glob(f"{name.replace('.', '/')}.*.so"))]
    missing = [name for name in names if name not in there]
    if not there:
        return [Finding(LACKING, "compiled", "no module")]
    if missing:
        return [Finding(LACKING, "compiled", f"not {', '.join(missing)}: an incomplete build", "make build")]
    return [Finding(GOOD, "compiled", ", ".join(there))]


def _has_source(path: Path) -> bool:
    return path.with_suffix(".py").exists() or path.with_suffix(".pyx").exists()


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
    return Finding(LACKING, name, "missing", f"pip install {name}")


def _extra(extra: str, distribution: str, purpose: str) -> Finding:
    version = _version(distribution)
    if version is not None:
        return Finding(GOOD, extra, f"{distribution} {version}: {purpose}")
    return Finding(NEUTRAL, extra, f"not installed: {purpose}", f"pip install 'everywire[{extra}]'")


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
