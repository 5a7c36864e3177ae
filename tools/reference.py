"""Writes the reference of the public names as Markdown, from their signatures and docstrings.

`python tools/reference.py FOLDER`. It runs on the plain sources (EVERYWIRE_PURE=1), which have all signatures. What a page describes has to be installed.
"""

from __future__ import annotations

import argparse
import ast
import enum
import importlib
import inspect
import itertools
import os
import re
import sys
import typing
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

ROOT = Path(__file__).resolve().parent.parent
WIDEST = 100


class Page(NamedTuple):
    """A page: its file, its title, what is said of it, and the names that it has of each module; "*" is all others that it makes public."""

    name: str
    title: str
    says: str
    things: Mapping[str, str]


FIRST = "Everywire Caller Client SyncClient run hosting lifespan serve connect WebSocket Server Options "


def _whole(module: str, says: str, names: str = "*") -> Page:
    return Page(module, module, says, {module: names})


PAGES = (
    _whole("everywire", "What most programs import.", FIRST + "*"),
    Page(
        "applications",
        "Applications: options and results",
        "What an `Everywire`, its hooks and its rules take and give, and where that is imported from.",
        {
            "everywire.app.declaring": "ChannelOptions CallOptions SockJSOptions",
            "everywire.hub.kinds": "ChannelKind Access",
            "everywire.hub.hooks": "Connecting",
            "everywire.app.speaking": "PublishOptions",
            "everywire.brokers.base": "Receipt",
            "everywire.messages": "Position Heartbeat",
            "everywire.hub.crowds.choice": "Whom",
            "everywire.hub.crowds.listing": "Listing Listed",
            "everywire.hub.crowds.asking": "Answers",
            "everywire.hub.access.tallies": "Reached",
            "everywire.app.instrumented": "InstrumentOptions",
            "everywire.ops.view": "View",
            "everywire.hub.settings": "Settings",
            "everywire.hub.access.rates": "Rate",
            "everywire.gateway": "HttpSettings",
            "everywire.transports.http": "LineLimits",
            "everywire.http.head": "HeadLimits",
            "everywire.http.streamed": "Streamed",
            "everywire.servers.auth": "any_of",
            "everywire.servers.host.hosting": "Hosting",
            "everywire.servers.listening": "inherited",
        },
    ),
    Page(
        "clients",
        "Clients: options and results",
        "What a `Client` and a `SyncClient` take and give, and where that is imported from.",
        {
            "everywire.client.options": "ClientOptions State Change",
            "everywire.client.following": "How",
            "everywire.client.subscription": "Subscription",
            "everywire.client.portal": "SyncSubscription",
            "everywire.client.commands": "Where Since",
            "everywire.client.wire": "Publication Position Page Entries Roster Member",
            "everywire.client.flows": "Stream",
            "everywire.client.backoff": "Backoff STABLE",
        },
    ),
    _whole("everywire.errors", "Every exception and close code."),
    _whole("everywire.publisher", "Publishing from programs without asyncio, by `app.admin`."),
    _whole("everywire.testing", "Applications in memory, under virtual time."),
    _whole("everywire.fastapi", "For FastAPI."),
    _whole("everywire.django", "For Django."),
    _whole("everywire.uvicorn", "WebSockets for those who keep uvicorn."),
    _whole("everywire.signalr", "Hubs as classes."),
    _whole("everywire.socketio", "The face of python-socketio."),
    _whole("everywire.servers.machine", "The broker of this machine.", "machine"),
    _whole("everywire.brokers.base", "What a broker is."),
    _whole("everywire.dialects.base", "What a dialect is."),
    _whole("everywire.messages", "What is said between dialects and the hub."),
)

# What a class has for programs, where most of what it has is for the package itself; and what it has for the package, where most is for programs.
ONLY = {
    "ASGIApp": "",
    "Backoff": "",
    "ChannelKind": "allow",
    "ClientOptions": "",
    "Deflate": "",
    "HeadLimits": "",
    "Headers": "get get_all tokens",
    "Hosting": "",
    "HttpSettings": "",
    "Identity": "",
    "LineLimits": "",
    "Listed": "info connected",
    "Rate": "",
    "Streamed": "",
    "Subscription": "position entries policy ready publish history presence set_policy unsubscribe",
    "Options": "",
    "Relaying": "",
    "Request": "remote secure path query params cookies",
    "Response": "",
    "Server": "port close wait_closed serve_forever listen",
    "SharedBroker": "view",
    "SlowBroker": "alone",
    "View": "cut heal",
    "WebSocket": "recv send drain close wait_closed closed close_code close_reason ping pong request id remote_address local_address",
    "WebSocketProtocol": "",
}
WITHOUT = {
    "AsyncNamespace": "join handles",
    "AsyncServer": "join start has",
    "Client": "ready next_id tell say follow welcomed lost ended heard",
    "Everywire": "hub gateway http start refrain leaving stop answer embedding forget hooks host instrument_by spaces_by_name begin"
    " resemble",
    "ChannelLayer": "forked",
}
LEADING = {
    "Everywire": "channel on on_connect publish run serving",
    "Client": "connect close subscribe publish call",
}
# Classes that programs are given and do not make, and those among them whose fields are the package's own.
GIVEN = frozenset(
    "Access Answers Caller Change ChannelKind Connecting Listed Listing Member Page Publication Reached Receipt Roster Server Stream Subscription"
    " SyncSubscription WebSocket".split()
)
BARE = frozenset("Caller ChannelKind Server Stream Subscription SyncSubscription WebSocket".split())
CALLED = frozenset(("connect", "serve"))  # classes that are called like functions


class Shown(NamedTuple):
    """Something that has an entry: its name, itself, the module and the page where it is."""

    name: str
    thing: Any
    module: str
    page: Page


def members(module: ModuleType, names: str = "*") -> Iterator[tuple[str, Any]]:
    """Give what a module makes public, or those of its `names`, in this order; "*" is all others."""
    first = names.removesuffix("*").split()
    others = [] if first and not names.endswith("*") else [*getattr(module, "__all__", ())]
    for name in dict.fromkeys([*first, *others]):
        if not name.startswith("__") and (thing := getattr(module, name, None)) is not None:
            yield name, thing


def shown() -> list[Shown]:
    """Import all that is described, and give it in its order; raises ImportError where a package is missing."""
    return [
        Shown(name, thing, module, page)
        for page in PAGES
        for module, names in page.things.items()
        for name, thing in members(importlib.import_module(module), names)
    ]


class Reference:
    """Writes the pages, and knows where everything is in them."""

    def __init__(self) -> None:
        self.all = shown()
        self._named: dict[str, list[Shown]] = {}
        for one in self.all:
            self._named.setdefault(one.name, []).append(one)
        self._here = PAGES[0]
        self._module = ""

    def page(self, page: Page) -> str:
        """Write a page."""
        self._here = page
        parts = [f"# {page.title}"]
        self._module = page.name
        parts += self._prose(importlib.import_module(page.name)) if page.name in page.things else [page.says]
        for one in self.all:
            if one.page is page:
                self._module = one.module
                parts += self._entry(one)
        return "\n\n".join(parts) + "\n"

    def _entry(self, one: Shown) -> Iterator[str]:
        name, thing = one.name, one.thing
        comes = f"from {one.module} import {name}\n\n" if one.module != self._here.name else ""
        if inspect.isclass(thing) and name not in CALLED:
            yield f"## class {name} {{ #{name} }}"
            yield from self._said(comes + made(name, thing), thing)
            for base in self.all:
                if base.thing in thing.__mro__[1:] and not issubclass(thing, BaseException):
                    yield f"What it has besides, it has from {self._link(base, base.name)}."
            for called, member in self._public(thing):
                yield from self._member(name, called, member)
        elif callable(thing) and typing.get_origin(thing) is None:
            yield f"## {name}() {{ #{name} }}"
            yield from self._said(comes + signature(name, thing), thing)
        elif not inspect.ismodule(thing) and "…" not in (value := _alias(thing))[:1]:
            yield f"## {name} {{ #{name} }}"
            yield _code(f"{comes}{name} = {value}")
            yield self._linked(_remark(one.module, name))

    def _said(self, code: str, thing: Any) -> Iterator[str]:
        """Give how something is called, where its types are, and what is said of it."""
        yield _code(code)
        words = dict.fromkeys(re.findall(r"\b[A-Z]\w+", code))
        links = [
            link
            for word in words
            if (one := self._found(word)) and (link := self._link(one, word)) and one.thing is not thing
        ]
        if links:
            yield f"Types: {', '.join(links)}"
        yield from self._prose(thing)

    def _public(self, made: type) -> list[tuple[str, Any]]:
        """Give the members of a class that are for programs, those first that most programs use."""
        first = LEADING.get(made.__name__, "").split()
        return sorted(self._having(made), key=lambda each: first.index(each[0]) if each[0] in first else len(first))

    def _having(self, made: type) -> Iterator[tuple[str, Any]]:
        """Give them in their own order, those of our own base classes included that have no entry, each once."""
        only, without = ONLY.get(made.__name__), WITHOUT.get(made.__name__, "").split()
        bases = made.__mro__[1:]
        inherited = {base for one in self.all if one.thing in bases for base in one.thing.__mro__}
        seen = {*without}
        for base in made.__mro__:
            if not base.__module__.startswith("everywire") or base in inherited:
                continue
            for name, member in vars(base).items():
                if (
                    name.startswith("_")
                    or name in seen
                    or not _told(member)
                    or (only is not None and name not in only.split())
                ):
                    continue
                seen.add(name)
                if isinstance(member, property | classmethod | staticmethod) or inspect.isfunction(member):
                    yield name, member

    def _member(self, made: str, name: str, member: Any) -> Iterator[str]:
        if isinstance(member, property):
            yield f"### {name} {{ #{made}.{name} }}"
            returns = inspect.signature(member.fget).return_annotation if member.fget else inspect.Signature.empty
            yield from self._said(f"{name}: {_annotation(returns)}", member.fget)
            return
        function = member.__func__ if isinstance(member, classmethod | staticmethod) else member
        yield f"### {name}() {{ #{made}.{name} }}"
        yield from self._said(signature(name, function, bound=not isinstance(member, staticmethod)), function)

    def _prose(self, thing: Any) -> list[str]:
        """Give the paragraphs of a docstring, with links; lines that hang together are one paragraph, as Markdown has it."""
        parts = (inspect.getdoc(thing) or "").split("\n\n")
        parts = [
            part for part in parts if part.strip() and not part.startswith("Invariants:")
        ]  # these are the package's own
        return [part if part.startswith("    ") else self._linked(part) for part in parts]

    def _linked(self, text: str) -> str:
        text = re.sub(r"`([A-Z]\w+)((?:\.\w+)?)`", self._leads, text)
        return re.sub(r"\bdocs/([\w/-]+)\.md", _document, text)

    def _leads(self, found: re.Match[str]) -> str:
        one = self._found(found[1])
        return found[0] if one is None else self._link(one, found[1] + found[2])

    def _found(self, word: str) -> Shown | None:
        """Find what a word means where it stands: what its module means by it, else the only one of that name."""
        there = self._named.get(word, [])
        meant = getattr(sys.modules.get(self._module), word, None)
        if meant is not None:
            there = [one for one in there if one.thing is meant]
        same = [one for one in there if one.page is self._here] or there
        return same[0] if len({id(one.thing) for one in same}) == 1 else None

    def _link(self, one: Shown, text: str) -> str:
        member = text.partition(".")[2]
        makes = [base for base in self.all if member and base.thing in getattr(one.thing, "__mro__", ())]
        holder = (
            next((base for base in [one, *makes] if member in dict(self._public(base.thing))), None) if makes else None
        )
        there, anchor = (holder, f"{holder.name}.{member}") if holder else (one, one.name)
        return f"[`{text}`]({'' if there.page is self._here else f'{there.page.name}.md'}#{anchor})"


def _remark(module: str, name: str, *, further: bool = True) -> str:
    """Give the text that stands below a name's assignment, in its module or in that from which it has the name."""
    statements = ast.parse(inspect.getsource(importlib.import_module(module))).body
    for statement, after in itertools.pairwise(statements):
        if (
            isinstance(statement, ast.ImportFrom)
            and name in [each.name for each in statement.names]
            and statement.module
        ):
            return _remark(statement.module, name)
        targets = statement.targets if isinstance(statement, ast.Assign) else [getattr(statement, "target", None)]
        named = any(isinstance(target, ast.Name) and target.id == name for target in targets)
        if named and isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant):
            return inspect.cleandoc(str(after.value.value))
    return ""


def _alias(thing: Any) -> str:
    """Write what a name stands for: a value or a type."""
    if typing.get_origin(thing) is typing.Annotated:
        return f"Annotated[{_annotation(typing.get_args(thing)[0])}, …]"
    text = _annotation(thing) if typing.get_origin(thing) else _short(thing)
    return text if len(text) <= WIDEST else "(\n    " + text.replace(" | ", "\n    | ") + "\n)"


def _document(found: re.Match[str]) -> str:
    there = (ROOT / found[0]).exists()
    return f"[{found[1]}](../{found[1]}.md)" if there else found[0]


def _told(member: Any) -> str | None:
    return inspect.getdoc(member.fget if isinstance(member, property) else member)


def made(name: str, thing: type) -> str:
    """Write what a class is made of: its fields, its values, or how it is called."""
    if issubclass(thing, enum.Enum):
        return "\n".join([f"class {name}({_base(thing)})", *(f"    {each.name} = {each.value!r}" for each in thing)])
    if name in GIVEN or typing.is_typeddict(thing):
        return "\n".join([f"class {name}{'(TypedDict)' if typing.is_typeddict(thing) else ''}", *_fields(name, thing)])
    if getattr(thing, "_is_protocol", False):
        return f"class {name}(Protocol)"
    ahead = f"class {name}({_base(thing)})\n" if issubclass(thing, BaseException) else ""
    return ahead + signature(name, thing)


def _fields(name: str, thing: type) -> Iterator[str]:
    """Write the fields of a class that is made of nothing else."""
    if name not in BARE:
        for field, kind in vars(thing).get("__annotations__", {}).items():
            yield f"    {field}: {_annotation(getattr(kind, '__forward_arg__', kind))}"


def _base(thing: type) -> str:
    return thing.__base__.__name__ if thing.__base__ else ""


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
    ahead, gives = _way(thing, found.return_annotation)
    line = f"{ahead}{name}({', '.join(written)}){gives}"
    if len(line) <= WIDEST:
        return line
    inside = "".join(f"    {each},\n" for each in written)
    return f"{ahead}{name}(\n{inside}){gives}"


def _way(thing: Any, returns: Any) -> tuple[str, str]:
    """Give what stands before a call, and what it gives."""
    gives = "" if returns is inspect.Signature.empty or inspect.isclass(thing) else _annotation(returns)
    if inspect.isasyncgenfunction(getattr(thing, "__wrapped__", None)):  # a context, made of a generator
        given = re.sub(r"^AsyncIterator\[(.*)\]$", r"\1", gives)
        return "async with ", "" if given == "None" else f" as {given}"
    return "async " if inspect.iscoroutinefunction(thing) else "", f" -> {gives}" if gives else ""


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


def _set_up_django() -> None:
    """Have Django's models be there to be read."""
    import django
    from django.conf import settings

    contributed = [f"django.contrib.{name}" for name in ("contenttypes", "auth", "sessions")]
    settings.configure(INSTALLED_APPS=[*contributed, "everywire.django"])
    django.setup()


def written(folder: Path) -> list[Path]:
    """Write all pages into `folder`, and an index; gives them. Raises ImportError where a package is missing."""
    folder.mkdir(parents=True, exist_ok=True)
    reference = Reference()
    made, lines = [], ["# Reference", "", "From the docstrings of what is public.", "", "| page | |", "|---|---|"]
    for each in PAGES:
        path = folder / f"{each.name}.md"
        path.write_text(reference.page(each))
        made.append(path)
        lines.append(f"| [{each.title}]({each.name}.md) | {each.says} |")
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
