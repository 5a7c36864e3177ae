"""Functions that take what another framework gives, beside what they are asked with."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterable
from importlib import import_module
from inspect import isawaitable
from typing import Annotated, Any, Final, TypeVar, get_args, get_origin

from everywire.hub.calling.resolving import Resolution

__all__ = ["Resolving", "worded"]

F = TypeVar("F", bound=Callable[..., Any])
# By the package whose words are used, the face of ours that knows it. By name: it is imported by who uses those words, and by nobody else.
_FACES: Final = {"fastapi": "everywire.fastapi", "starlette": "everywire.fastapi"}


class Resolving:
    """What an application's functions are completed by."""

    def __call__(self, signature: inspect.Signature) -> Resolution | None:
        """Say how those parameters are given; a `Resolver`."""
        named = (_face(_kinds(parameter)) for parameter in signature.parameters.values())
        name = next((each for each in named if each is not None), None)
        if name is None:
            return None
        face: Any = import_module(f"{name}.resolving")
        resolution: Resolution | None = face.resolution(signature)
        return resolution

    def complete(self, what: str, function: F) -> F:
        """Give the function that is called with what it is asked alone, its first argument being on whose behalf; itself, where it takes no more.

        Raises `TypeError`, which begins with `what`, for a parameter that could never be given.
        """
        try:
            signature = inspect.signature(function, eval_str=True)
        except (ValueError, NameError, TypeError):
            return function  # it does not say what it takes, or is no function: whoever checks it says so
        try:
            resolution = self(signature)
        except TypeError as fault:
            raise TypeError(f"{what}: {fault}") from None
        if resolution is None:
            return function

        async def completed(*asked: Any) -> Any:
            async with resolution.given(asked[0]) as given:
                said = function(*asked, **given)
                return await said if isawaitable(said) else said

        left = [each for each in signature.parameters.values() if each.name not in resolution.names]
        functools.update_wrapper(completed, function)
        completed.__signature__ = signature.replace(parameters=left)  # type: ignore[attr-defined]
        return completed  # type: ignore[return-value]


def worded(error: Exception) -> Exception:
    """Give the `Refused` that an exception of another framework means, or the exception itself; a `Wording`."""
    name = _face(type(error).__mro__)
    if name is None:
        return error
    try:
        face: Any = import_module(f"{name}.wording")
    except ImportError:
        return error  # of a framework that is there without the one that our face is for
    told: Exception = face.worded(error)
    return told


def _kinds(parameter: inspect.Parameter) -> list[type]:
    """Give the types by which a parameter is known: of its default, its hint, or what stands beside that in `Annotated`."""
    hint = parameter.annotation
    hint = getattr(hint, "__value__", hint)  # of a `type` statement
    beside = get_args(hint)[1:] if get_origin(hint) is Annotated else ()
    return [type(each) for each in (parameter.default, *beside)] + ([hint] if isinstance(hint, type) else [])


def _face(kinds: Iterable[type]) -> str | None:
    """Name the face of the framework that one of these types is of."""
    return next((face for kind in kinds if (face := _FACES.get(kind.__module__.partition(".")[0])) is not None), None)
