"""Writes the reference of the public names as Markdown, from their signatures and docstrings: one page per module that people import from.

`python tools/reference.py FOLDER`. It runs on the plain sources (EVERYWIRE_PURE=1), which have all signatures.
"""

from __future__ import annotations

import argparse
import importlib
import inspect
import os
import re
import sys
import typing
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
# Each with what is said of it; modules that need a package which is not installed are left out.
MODULES = {
    "everywire": "What most programs import.",
    "everywire.errors": "Every exception and close code.",
    "everywire.hub.settings": "The hub's limits and times.",
    "everywire.gateway": "How requests over HTTP are carried.",
    "everywire.http.head": "Bounds of requests.",
    "everywire.transports.http": "Bounds of lines.",
    "everywire.client.backoff": "How long a client waits before it comes back.",
    "everywire.testing": "Applications in memory, under virtual time.",
    "everywire.signalr": "Hubs as classes.",
    "everywire.socketio": "The face of python-socketio.",
    "everywire.fastapi": "For FastAPI.",
    "everywire.django": "For Django.",
    "everywire.servers.machine": "The broker of this machine.",
    "everywire.brokers.base": "What a broker is.",
    "everywire.dialects.base": "What a dialect is.",
}
WIDEST = 100


def members(module: ModuleType) -> Iterator[tuple[str, Any]]:
    """Give what a module makes public, in its own order."""
    for name in getattr(module, "__all__", ()):
        if not name.startswith("__") and (thing := getattr(module, name, None)) is not None:
            yield name, thing


def page(name: str, summary: str) -> str:
    """Write the page of one module."""
    module = importlib.import_module(name)
    parts = [f"# {name}", summary, *_prose(module)]
    for called, thing in members(module):
        parts += list(_entry(called, thing))
    return "\n\n".join(parts) + "\n"


def _entry(name: str, thing: Any) -> Iterator[str]:
    if inspect.isclass(thing):
        yield f"## class {name}"
        yield _code(signature(name, thing))
        yield from _prose(thing)
        for called, member in _public(thing):
            yield from _member(called, member)
    elif callable(thing) and hasattr(thing, "__doc__") and not isinstance(thing, typing._GenericAlias):  # type: ignore[attr-defined]
        yield f"## {name}()"
        yield _code(signature(name, thing))
        yield from _prose(thing)
    elif not inspect.ismodule(thing):
        yield f"## {name}"
        yield _code(f"{name} = {_short(thing)}")


def _public(made: type) -> Iterator[tuple[str, Any]]:
    """Give the public members of a class, those of our own base classes included, each once."""
    seen: set[str] = set()
    for base in made.__mro__:
        if not base.__module__.startswith("everywire"):
            continue
        for name, member in vars(base).items():
            told = inspect.getdoc(member) if not isinstance(member, property) else inspect.getdoc(member.fget)
            if name.startswith("_") or name in seen or not told:
                continue
            seen.add(name)
            if isinstance(member, property | classmethod | staticmethod) or inspect.isfunction(member):
                yield name, member


def _member(name: str, member: Any) -> Iterator[str]:
    if isinstance(member, property):
        yield f"### {name}"
        returns = inspect.signature(member.fget).return_annotation if member.fget else inspect.Signature.empty
        yield _code(f"{name}: {_annotation(returns)}")
        yield from _prose(member.fget)
        return
    function = member.__func__ if isinstance(member, classmethod | staticmethod) else member
    yield f"### {name}()"
    yield _code(signature(name, function, bound=not isinstance(member, staticmethod)))
    yield from _prose(function)


def signature(name: str, thing: Any, *, bound: bool = False) -> str:
    """Write how something is called, over several lines where one would be too long."""
    try:
        found = inspect.signature(thing)
    except (ValueError, TypeError):
        return f"{name}(…)"
    parameters = list(found.parameters.values())[1 if bound else 0 :]
    written = [_parameter(each) for each in parameters]
    kinds = [each.kind for each in parameters]
    if inspect.Parameter.KEYWORD_ONLY in kinds and inspect.Parameter.VAR_POSITIONAL not in kinds:
        written.insert(kinds.index(inspect.Parameter.KEYWORD_ONLY), "*")
    gives = (
        ""
        if found.return_annotation is inspect.Signature.empty or inspect.isclass(thing)
        else f" -> {_annotation(found.return_annotation)}"
    )
    ahead = "async " if inspect.iscoroutinefunction(thing) else ""
    line = f"{ahead}{name}({', '.join(written)}){gives}"
    if len(line) <= WIDEST:
        return line
    inside = "".join(f"    {each},\n" for each in written)
    return f"{ahead}{name}(\n{inside}){gives}"


def _parameter(each: inspect.Parameter) -> str:
    star = {"VAR_POSITIONAL": "*", "VAR_KEYWORD": "**"}.get(each.kind.name, "")
    said = f": {_annotation(each.annotation)}" if each.annotation is not inspect.Parameter.empty else ""
    default = "" if each.default is inspect.Parameter.empty else f" = {_short(each.default)}"
    return f"{star}{each.name}{said}{default}"


def _annotation(said: Any) -> str:
    text = said if isinstance(said, str) else inspect.formatannotation(said)
    return re.sub(r"\b(?:\w+\.)+(?=\w)", "", text)


def _short(value: Any) -> str:
    text = repr(value)
    return "…" if len(text) > 40 or " at 0x" in text else text


def _code(text: str) -> str:
    return f"```python\n{text}\n```"


def _prose(thing: Any) -> list[str]:
    """Give the paragraphs of a docstring; lines that hang together are one paragraph, as Markdown has it."""
    told = inspect.getdoc(thing) or ""
    return [
        part.replace("\n    ", "\n\n    ", 1) if "::" in part else part for part in told.split("\n\n") if part.strip()
    ]


def _set_up_django() -> None:
    """Have Django's models be there to be read, where there is a Django."""
    try:
        import django
        from django.conf import settings
    except ImportError:
        return
    contributed = [f"django.contrib.{name}" for name in ("contenttypes", "auth", "sessions")]
    settings.configure(INSTALLED_APPS=[*contributed, "everywire.django"])
    django.setup()


def written(folder: Path) -> list[Path]:
    """Write all pages into `folder`, and an index; gives them."""
    folder.mkdir(parents=True, exist_ok=True)
    made, lines = [], ["# Reference", "", "From the docstrings of what is public.", "", "| module | |", "|---|---|"]
    for name, summary in MODULES.items():
        try:
            text = page(name, summary)
        except ImportError as error:
            if not error.name or error.name.startswith("everywire."):
                raise
            continue
        path = folder / f"{name}.md"
        path.write_text(text)
        made.append(path)
        lines.append(f"| [{name}]({name}.md) | {summary} |")
    (folder / "index.md").write_text("\n".join(lines) + "\n")
    return made


if __name__ == "__main__":
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("folder", type=Path, help="where the pages are written")
    into: Path = asked.parse_args().folder
    os.environ["EVERYWIRE_PURE"] = "1"
    sys.path.insert(0, str(ROOT / "src"))
    _set_up_django()
    for one in written(into):
        print(one)
