"""Finds the application that `module:attribute` names."""

from __future__ import annotations

import importlib
import inspect
import os
import sys
import traceback
from difflib import get_close_matches
from pathlib import Path
from types import ModuleType
from typing import Any, Final

import click

import everywire
from everywire.app import Everywire
from everywire.cli.serving import fail, mistake
from everywire.cli.settled import settled
from everywire.errors import SettingError
from everywire.hub.channels.changes import told
from everywire.servers.host.lifespan import Application

__all__ = ["check_environment", "find", "kind", "load"]

_OURS = os.path.dirname(everywire.__file__)
_LIBRARIES = f"{os.sep}site-packages{os.sep}"  # of an environment that is in the application's folder, too


def load(target: str, folder: Path) -> Everywire:
    """Import the application `target`, an `Everywire()`, as `find` does."""
    app = find(target, folder)
    if not isinstance(app, Everywire):
        raise mistake(f"{target} is {_article(type(app).__name__)}, not an Everywire(){_mounted(target)}")
    return app


def _mounted(target: str) -> str:
    """Name the applications that the module of `target` has, and mounts in others."""
    name = target.partition(":")[0]
    there = [f"{name}:{key}" for key, value in vars(sys.modules[name]).items() if isinstance(value, Everywire)]
    return f"; name it: {' or '.join(there)}" if there else "; name the one that is mounted in it, as in shop.live:rt"


def find(target: str, folder: Path) -> Everywire | Application:
    """Import the application `target`, an `Everywire()` or of ASGI 3, with `folder` first on the path.

    A function without parameters that makes an application will do. Raises `ClickException`, which says what to write instead, with exit code 2;
    or, with exit code 1, what the application's own code raised, and where.
    """
    name, _, attribute = target.partition(":")
    if not name:
        raise mistake(f"{target!r} names no module; write MODULE:APP, as in app:app for app.py here")
    if name.endswith(".py") or "/" in name:
        guess = name.removesuffix(".py").strip("./").replace("/", ".")
        raise mistake(f"{name} is a file; name the module: {guess}:{attribute or 'app'}")
    check_environment()
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))
    module = _module(name, folder)
    if not attribute:  # Django calls it the other
        attribute = next((each for each in ("app", "application") if hasattr(module, each)), "app")
    app = _application(module, attribute, folder)
    try:
        if isinstance(app, Everywire):
            told(app.hooks)
    except ValueError as error:
        raise mistake(str(error)) from None
    return app


def check_environment() -> None:
    """Raise `ClickException` for what is set from outside and could not be, a secret that is too short for instance."""
    settled()


def _module(name: str, folder: Path) -> ModuleType:
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name is None or not (name == error.name or name.startswith(f"{error.name}.")):
            raise _broken(name, error, folder) from None
        here = sorted(path.stem for path in folder.glob("*.py"))
        close = get_close_matches(name, here, n=1)
        hint = f"; did you mean {close[0]}?" if close else ""
        raise mistake(f"there is no module {name} in {folder}{hint}") from None
    except Exception as error:
        raise _broken(name, error, folder) from None


def _broken(name: str, error: Exception, folder: Path) -> click.ClickException:
    """Show what is wrong in the application's own code: in one line where that says all, else by a traceback of that code alone."""
    frames = traceback.extract_tb(error.__traceback__)
    others = [frame for frame in frames if "importlib" not in frame.filename and not _ours(frame.filename)]
    own = [
        frame for frame in others if frame.filename.startswith(f"{folder}{os.sep}") and _LIBRARIES not in frame.filename
    ]
    own = own or others
    if isinstance(error, SettingError):
        return mistake(str(error))
    if isinstance(error, SyntaxError) and error.filename:
        line = f": {error.text.strip()}" if error.text and error.text.strip() else ""
        return mistake(f"{error.filename}, line {error.lineno}: {type(error).__name__}: {error.msg}{line}")
    if isinstance(error, ModuleNotFoundError) and own:
        return mistake(f"{own[-1].filename}, line {own[-1].lineno}: {error}; is it installed for {sys.executable}?")
    shown = traceback.TracebackException.from_exception(error)
    shown.stack = traceback.StackSummary.from_list(own)
    return fail(f"{name} fails:\n{''.join(shown.format(chain=False)).rstrip()}")


def _ours(filename: str) -> bool:
    return filename.startswith(f"{_OURS}{os.sep}")


def _application(module: ModuleType, attribute: str, folder: Path) -> Everywire | Application:
    name = module.__name__
    found: Any = module
    for part in attribute.split("."):
        if not hasattr(found, part):
            raise mistake(f"{name} has no {attribute!r}{_hint(module)}")
        found = getattr(found, part)
    what = f"{name}:{attribute}"
    if not isinstance(found, Everywire) and kind(found) == "factory":
        try:
            found = found()
        except Exception as error:
            raise _broken(what, error, folder) from None
        what += "()"
    if isinstance(found, Everywire) or kind(found) == "asgi":
        app: Everywire | Application = found
        return app
    raise mistake(f"{what} {_NO_APPLICATION[kind(found)].format(**_words(name, found))}")


_NO_APPLICATION: Final = {
    "asgi2": "is of ASGI 2: asgiref.compatibility.guarantee_single_callable(app) makes an application of ASGI 3 of it",
    "wsgi": "is a WSGI application, which cannot wait for messages: {asgi}, or wrap it, as in asgiref.wsgi.WsgiToAsgi(app)",
    "class": "is a class, not an application: name one that it made, as in app = {name}()",
    "factory": "makes what makes an application, not one",
    "async": "is a coroutine function without parameters: what makes an application is a plain one",
    "other": "is {shown}, not an Everywire() nor an ASGI application",
}


def _words(module: str, found: object) -> dict[str, str]:
    """Say what it is, what it is called, and where the application of ASGI is, which frameworks keep beside that of WSGI."""
    stem, dot, last = module.rpartition(".")
    asgi = f"serve {stem}{dot}asgi" if last == "wsgi" else "serve its ASGI side"
    return {"shown": _article(type(found).__name__), "name": getattr(found, "__name__", ""), "asgi": asgi}


def kind(found: object) -> str:
    """Tell what may be called how: "asgi" (3), "asgi2", "wsgi", "factory" and "async" (without arguments), "class", or "other"."""
    if isinstance(found, type):
        return _kind_of_class(found)
    if not callable(found):
        return "other"
    coroutine = inspect.iscoroutinefunction(found) or inspect.iscoroutinefunction(type(found).__call__)
    needed, most = _taken(found)
    if needed == 3 or (most >= 3 and (coroutine or most == _ANY)):
        return "asgi"
    if needed == 0:
        return "async" if coroutine else "factory"
    return {1: "asgi2", 2: "wsgi"}.get(needed, "other")


def _kind_of_class(found: type) -> str:
    """Tell a class of ASGI 2, whose objects take `receive` and `send`, and one that anything else is made by."""
    call = vars(found).get("__call__")
    return "asgi2" if inspect.isfunction(call) and _taken(call)[0] == 3 and _taken(found)[0] == 1 else "class"


_ANY: Final = 1 << 30


def _taken(found: Any) -> tuple[int, int]:
    """Count the positional arguments that it needs, and that it takes at most."""
    try:
        parameters = inspect.signature(found).parameters.values()
    except (TypeError, ValueError):
        return 3, 3  # of compiled code, which says nothing: the call will tell
    places = [one for one in parameters if one.kind in (one.POSITIONAL_ONLY, one.POSITIONAL_OR_KEYWORD)]
    needed = [one for one in places if one.default is one.empty]
    return len(needed), _ANY if any(one.kind is one.VAR_POSITIONAL for one in parameters) else len(places)


def _hint(module: ModuleType) -> str:
    """Say which applications the module holds, or which of its functions may make one."""
    name = module.__name__
    named = {key: value for key, value in vars(module).items() if not key.startswith("_")}
    if there := [f"{name}:{key}" for key, value in named.items() if _is_one(value, name)]:
        return f"; there is {', '.join(there)}"
    makers = [f"{name}:{key}" for key, value in named.items() if _makes_one(value, name)]
    return (
        f"; did you mean {' or '.join(makers)}?"
        if makers
        else f"; it holds no application. A program without one is run by itself: python {name.replace('.', '/')}.py"
    )


def _is_one(value: Any, module: str) -> bool:
    """Whether it is an application; a function that looks like one is, where that module defines it."""
    if isinstance(value, Everywire):
        return True
    if isinstance(value, type) or kind(value) != "asgi":
        return False
    if inspect.isfunction(value):
        return value.__module__ == module and inspect.iscoroutinefunction(value)
    return inspect.iscoroutinefunction(type(value).__call__)


def _makes_one(value: object, module: str) -> bool:
    """Whether it is a function of that module that could be called without arguments and promises, or is named, to make one."""
    if not inspect.isfunction(value) or value.__module__ != module:
        return False
    needed = [one for one in inspect.signature(value).parameters.values() if one.default is one.empty]
    promised = value.__annotations__.get("return") in (Everywire, "Everywire", "everywire.Everywire")
    return not needed and (promised or value.__name__.startswith(("make", "create", "build")))


def _article(noun: str) -> str:
    return f"{'an' if noun[:1].lower() in 'aeiou' else 'a'} {noun}"
