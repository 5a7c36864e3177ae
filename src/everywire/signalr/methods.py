"""The methods of a hub's class as handlers of the hub."""

from __future__ import annotations

import inspect
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from everywire.hub.calling.callers import Caller
from everywire.hub.calling.fitting import Fit, fit_for
from everywire.hub.calling.handlers import Handler, returned
from everywire.hub.calling.resolving import Resolver
from everywire.messages import Data
from everywire.signalr.hub import Hub, named
from everywire.signalr.services import Scope
from everywire.signalr.values import written

if TYPE_CHECKING:
    from everywire.signalr.calls import Calls

__all__ = ["handlers"]

_CALLER: Final = "__caller"
_EMPTY: Final = inspect.Parameter.empty


def handlers(calls: Calls, hub: type[Hub], resolver: Resolver | None = None) -> dict[str, Handler]:
    """Give what answers the calls of a hub, by all the names that its methods have; raises `TypeError` for one that could never be called.

    `resolver` knows parameters that are neither a client's nor a service's.
    """
    found: dict[str, Handler] = {}
    for name, function in _methods(hub):
        given = named(function)
        handler = _handler(calls, given or name, function, resolver)
        for called in (given,) if given is not None else _names(name):
            if called in found:
                raise TypeError(f"{hub.__name__}: {found[called].name!r} and {name!r} are both called {called!r}")
            found[called] = handler
    return found


def _methods(hub: type[Hub]) -> Iterator[tuple[str, Callable[..., Any]]]:
    """Give the public methods that the classes below `Hub` have."""
    for name in dir(hub):
        function = inspect.getattr_static(hub, name)
        if not name.startswith("_") and inspect.isfunction(function) and not hasattr(Hub, name):
            yield name, function


def _names(name: str) -> tuple[str, ...]:
    """Give a method's name, and as it is written in .NET; clients that do not mind case find it by either."""
    return tuple(dict.fromkeys((name, "".join(word[:1].upper() + word[1:] for word in name.split("_")))))


def _handler(calls: Calls, name: str, function: Callable[..., Any], resolver: Resolver | None) -> Handler:
    if inspect.isgeneratorfunction(function):
        raise TypeError(f"{function.__qualname__}: a stream is an async generator: write `async def`")
    signature = _signature(function)
    wanted: dict[str, Any] = {}
    taken: list[inspect.Parameter] = []
    parameters = _beside_self(function, signature)
    for parameter in parameters:
        if parameter.kind is parameter.VAR_POSITIONAL and wanted:
            raise TypeError(
                f"{function.__qualname__}: services are named behind `*{parameter.name}`: `*, service: Type`"
            )
        if parameter.annotation in calls.services:
            wanted[parameter.name] = parameter.annotation
        else:
            taken.append(_hinted(parameter))
    name_of_data = _renamed(taken)
    streams, given = returned(function, signature.return_annotation)
    names = {name_of_data: "data"} if name_of_data != "data" else {}
    method = _Method(calls, function, wanted, names, _fit(function, given))
    called = _streaming(method) if streams else _returning(method)
    shown = [each.replace(name=name_of_data) if each.name == "data" else each for each in taken]
    shown.append(inspect.Parameter(_CALLER, inspect.Parameter.KEYWORD_ONLY, annotation=Caller))
    returns = signature.return_annotation
    called.__signature__ = inspect.Signature(sorted(shown, key=_kind), return_annotation=returns)  # type: ignore[attr-defined]
    try:
        return Handler(name, called, resolver=resolver)
    except TypeError as fault:
        cure = "; what no client sends is a service: services={Type: …}" if "cannot be read" in str(fault) else ""
        raise TypeError(f"{function.__qualname__}: {fault}{cure}") from None


@dataclass(frozen=True, slots=True)
class _Method:
    """A method, what it is given beside what the client says, its names of parameters that the handler has others for, and what fits its result."""

    calls: Calls
    function: Callable[..., Any]
    wanted: Mapping[str, Any]
    names: Mapping[str, str]
    fit: Fit | None

    @property
    def light(self) -> bool:
        """Whether nothing has to be made for a call of it."""
        return self.calls.light and self.calls.services.at_hand(self.wanted) is not None

    def written(self, value: Any) -> Data:
        """Give what it returns, or yields, as data."""
        return written(value if self.fit is None else self.fit(value))

    def named(self, named: dict[str, Any]) -> Caller:
        """Give who calls, and leave in `named` what the client says, by the method's own names."""
        caller: Caller = named.pop(_CALLER)
        for given, name in self.names.items():
            if given in named:
                named[name] = named.pop(given)
        return caller

    @asynccontextmanager
    async def begun(self, named: dict[str, Any]) -> AsyncIterator[Hub]:
        """Give a hub for one call, complete what it is called with, and word what is raised meanwhile."""
        caller, calls = self.named(named), self.calls
        try:
            async with Scope(calls.services) as scope:
                hub = await calls.made(caller, scope)
                for name, kind in self.wanted.items():
                    named[name] = await scope.get(kind)
                yield hub
        except Exception as error:
            raise calls.told(error, caller) from None


def _returning(method: _Method) -> Callable[..., Any]:
    """Give the function of a method that returns something; one that is not `async` runs in a thread."""
    function, calls, given = method.function, method.calls, method.calls.services.at_hand(method.wanted) or {}
    aside = not inspect.iscoroutinefunction(function)

    async def called(*args: Any, **named: Any) -> Any:
        async with method.begun(named) as hub:
            work = partial(function, hub, *args, **named)
            return method.written(await method.calls.sending.hub.world.aside(work) if aside else await work())

    async def called_lightly(*args: Any, **named: Any) -> Any:
        """Do the same where nothing has to be made, or closed."""
        caller = method.named(named)
        named |= given
        try:
            return method.written(await function(calls.ready(caller), *args, **named))
        except Exception as error:
            raise calls.told(error, caller) from None

    return called_lightly if method.light and not aside else called


def _streaming(method: _Method) -> Callable[..., Any]:
    """Give the function of a method that is a stream."""

    async def called(*args: Any, **named: Any) -> AsyncIterator[Any]:
        async with method.begun(named) as hub:
            source = method.function(hub, *args, **named)
            if inspect.isawaitable(source):
                source = await source
            try:
                async for item in source:
                    yield method.written(item)
            finally:
                # Now, while its hub is there, not when its memory is collected.
                if hasattr(source, "aclose"):
                    await source.aclose()

    return called


def _signature(function: Callable[..., Any]) -> inspect.Signature:
    try:
        return inspect.signature(function, eval_str=True)
    except NameError as fault:
        raise TypeError(f"{function.__qualname__}: a hint is not known where it stands: {fault}") from None


def _beside_self(function: Callable[..., Any], signature: inspect.Signature) -> list[inspect.Parameter]:
    """Give the parameters but `self`; what a client sends has a hint, or another parameter in front."""
    parameters = [*signature.parameters.values()]
    first = parameters[0] if parameters else None
    if first is None or first.annotation is not _EMPTY or first.kind is first.KEYWORD_ONLY:
        raise TypeError(f"{function.__qualname__}: a hub's method has `self` in front")
    return parameters[1:]


def _hinted(parameter: inspect.Parameter) -> inspect.Parameter:
    """Give a parameter without a hint as one that takes anything: a handler's names mean something, a method's do not."""
    return parameter if parameter.annotation is not _EMPTY else parameter.replace(annotation=Any)


def _renamed(parameters: Sequence[inspect.Parameter]) -> str:
    """Give what a handler calls the parameter `data`, which would be the whole argument there: another name, where it is one of several."""
    name = "data"
    if len(parameters) > 1:
        while name in {each.name for each in parameters}:
            name += "_"
    return name


def _fit(function: Callable[..., Any], given: Any) -> Fit | None:
    try:
        return fit_for(given)
    except TypeError as fault:
        raise TypeError(f"{function.__qualname__}: {fault}") from None


def _kind(parameter: inspect.Parameter) -> int:
    return int(parameter.kind)
