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

import click

import everywire
from everywire.app import Everywire
from everywire.app.checking import found_secrets
from everywire.cli.serving import fail, mistake
from everywire.hub.channels.changes import told

__all__ = ["check_environment", "load"]

_OURS = os.path.dirname(everywire.__file__)
_LIBRARIES = f"{os.sep}site-packages{os.sep}"  # of an environment that is in the application's folder, too


def load(target: str, folder: Path) -> Everywire:
    """Import the application `target`, with `folder` first on the path.

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
    app = _application(_module(name, folder), attribute or "app", folder)
    try:
        told(app.hooks)
    except ValueError as error:
        raise mistake(str(error)) from None
    return app


def check_environment() -> None:
    """Raise `ClickException` for a secret in the environment that no application could have."""
    try:
        found_secrets()
    except ValueError as error:
        raise mistake(str(error)) from None


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


def _application(module: ModuleType, attribute: str, folder: Path) -> Everywire:
    name = module.__name__
    found: object = module
    for part in attribute.split("."):
        if not hasattr(found, part):
            raise mistake(f"{name} has no {attribute!r}{_hint(module)}")
        found = getattr(found, part)
    if callable(found) and not isinstance(found, type | Everywire):
        try:
            found = found()
        except Exception as error:
            raise _broken(f"{name}:{attribute}", error, folder) from None
    if not isinstance(found, Everywire):
        raise mistake(f"{name}:{attribute} is {_article(type(found).__name__)}, not an Everywire()")
    return found


def _hint(module: ModuleType) -> str:
    """Say which applications the module holds, or which of its functions may make one."""
    name = module.__name__
    named = {key: value for key, value in vars(module).items() if not key.startswith("_")}
    if there := [f"{name}:{key}" for key, value in named.items() if isinstance(value, Everywire)]:
        return f"; there is {', '.join(there)}"
    makers = [f"{name}:{key}" for key, value in named.items() if _makes_one(value, name)]
    return (
        f"; did you mean {' or '.join(makers)}?"
        if makers
        else f"; it holds no Everywire(). A program without one is run by itself: python {name}.py"
    )


def _makes_one(value: object, module: str) -> bool:
    """Whether it is a function of that module that could be called without arguments and promises, or is named, to make one."""
    if not inspect.isfunction(value) or value.__module__ != module:
        return False
    needed = [one for one in inspect.signature(value).parameters.values() if one.default is one.empty]
    promised = value.__annotations__.get("return") in (Everywire, "Everywire", "everywire.Everywire")
    return not needed and (promised or value.__name__.startswith(("make", "create", "build")))


def _article(noun: str) -> str:
    return f"{'an' if noun[:1].lower() in 'aeiou' else 'a'} {noun}"
