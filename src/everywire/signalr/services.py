"""What hubs and their methods are given by type: services, made for one call, or once.

A factory's own parameters are services, too. What it gives may be awaitable; an async context manager is entered, and left when the call is over, or
for a `singleton` when the application ends; so is what an async generator function yields.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

__all__ = ["Plan", "Scope", "Services", "Wanted", "singleton"]

Wanted: TypeAlias = Mapping[str, Any]
"""The types of services by the names of the parameters that they are for."""

_EMPTY: Final = inspect.Parameter.empty


@dataclass(frozen=True, slots=True)
class singleton:  # noqa: N801 - it is written like a function
    """Have a service made by `factory` when it is wanted first, and kept until the application ends: `services={Pool: singleton(open_pool)}`."""

    factory: Callable[..., Any]


@dataclass(frozen=True, slots=True)
class Plan:
    """How something is made: `make` is called with services for the parameters in `wanted`."""

    make: Callable[..., Any]
    wanted: Wanted

    async def carry_out(self, scope: Scope) -> Any:
        """Make it; what is to be closed is `scope`'s then."""
        made = self.make(**{name: await scope.get(kind) for name, kind in self.wanted.items()})
        if inspect.isawaitable(made):
            made = await made
        if isinstance(made, AbstractAsyncContextManager):
            return await scope.exits.enter_async_context(made)
        return made


class Services:
    """All services of one hub by their types.

    `given` has for each type an object of it, or else what makes one for each call: a factory, which may be the class itself, or a `singleton`.
    Raises `TypeError` for what is neither, and for a factory with a parameter that is no service.

    Invariants: `_kept` holds the singletons that were made, or are being made; `_lasting` closes them.
    """

    def __init__(self, given: Mapping[Any, Any]) -> None:
        self._given: Final = dict(given)
        self._plans: dict[Any, Plan] = {}
        self._lasting = Scope(self)
        self._kept: dict[Any, asyncio.Future[Any]] = {}
        for kind, what in given.items():
            if isinstance(kind, str):
                raise TypeError(f"services are found by type: services={{{kind}: …}}, not {{{kind!r}: …}}")
            if not self._is_there(kind):
                factory = what.factory if isinstance(what, singleton) else what
                if not callable(factory):
                    raise TypeError(
                        f"the service {_name(kind)} is an object of that type, or what makes one, not {what!r}"
                    )
                self._plans[kind] = self.plan(factory, f"the service {_name(kind)}")
        for kind in self._plans:
            self._check(kind, ())

    def __contains__(self, kind: object) -> bool:
        """Say whether there is a service of that type."""
        try:
            return kind in self._given
        except TypeError:
            return False  # a hint that cannot be hashed is none

    def plan(self, make: Callable[..., Any], what: str) -> Plan:
        """Understand how something is made; raises `TypeError` for a parameter that is no service. `what` begins that sentence."""
        wanted = {}
        for parameter in _parameters(make):
            if parameter.annotation in self:
                wanted[parameter.name] = parameter.annotation
            elif parameter.default is _EMPTY:
                raise TypeError(f"{what}: the parameter {parameter.name!r} {_unserved(parameter.annotation)}")
        return Plan(asynccontextmanager(make) if inspect.isasyncgenfunction(make) else make, wanted)

    def at_hand(self, wanted: Wanted) -> dict[str, Any] | None:
        """Give services by the names that they are wanted for, if all of them are there; None where one is to be made."""
        if not self._plans.keys().isdisjoint(wanted.values()):
            return None
        return {name: self._given[kind] for name, kind in wanted.items()}

    async def get(self, kind: Any, scope: Scope) -> Any:
        """Give a service: the one that is kept, or one for `scope`."""
        plan = self._plans.get(kind)
        if plan is None:
            return self._given[kind]
        if not isinstance(self._given[kind], singleton):
            return await plan.carry_out(scope)
        return await self._once(kind, plan)

    async def _once(self, kind: Any, plan: Plan) -> Any:
        """Make a singleton; who wants it meanwhile waits, and tries again where it could not be made."""
        while (made := self._kept.get(kind)) is not None:
            await asyncio.wait([made])
            if not made.cancelled():
                return made.result()
        made = self._kept[kind] = asyncio.get_running_loop().create_future()
        try:
            made.set_result(await plan.carry_out(self._lasting))
        except BaseException:
            self._kept.pop(kind, None)  # the application may have ended meanwhile
            made.cancel()
            raise
        return made.result()

    async def close(self) -> None:
        """Close the singletons that were made."""
        self._kept.clear()
        lasting, self._lasting = self._lasting, Scope(self)
        await lasting.exits.aclose()

    def _is_there(self, kind: Any) -> bool:
        """Say whether an object of the type was given, not what makes one."""
        what = self._given[kind]
        if isinstance(what, singleton | type):
            return False
        try:
            return isinstance(what, kind)
        except TypeError:
            return not callable(what)

    def _check(self, kind: Any, within: tuple[Any, ...]) -> None:
        if kind in within:
            raise TypeError(f"services need each other: {' needs '.join(_name(each) for each in (*within, kind))}")
        for each in self._plans[kind].wanted.values() if kind in self._plans else ():
            if (
                isinstance(self._given[kind], singleton)
                and each in self._plans
                and not isinstance(self._given[each], singleton)
            ):
                raise TypeError(f"the singleton {_name(kind)} needs {_name(each)}, which is made for one call")
            self._check(each, (*within, kind))


class Scope:
    """The services of one call, each made once; `exits` closes what is to be closed."""

    __slots__ = ("_made", "_services", "exits")

    def __init__(self, services: Services) -> None:
        self._services: Final = services
        self._made: dict[Any, Any] = {}
        self.exits: Final = AsyncExitStack()

    async def __aenter__(self) -> Scope:
        return self

    async def __aexit__(self, *failure: Any) -> bool | None:
        return await self.exits.__aexit__(*failure)

    async def get(self, kind: Any) -> Any:
        """Give a service."""
        if kind not in self._made:
            self._made[kind] = await self._services.get(kind, self)
        return self._made[kind]


def _parameters(make: Callable[..., Any]) -> list[inspect.Parameter]:
    """Give the parameters of what makes something; a class that has no constructor of its own takes none."""
    if getattr(make, "__init__", None) is object.__init__:
        return []
    plain = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    return [each for each in inspect.signature(make, eval_str=True).parameters.values() if each.kind in plain]


def _unserved(hint: Any) -> str:
    if hint is _EMPTY:
        return "has no hint that says which service it is"
    return f"is a {_name(hint)}, of which there is no service: services={{{_name(hint)}: …}}"


def _name(kind: Any) -> str:
    return kind.__name__ if isinstance(kind, type) else str(kind)
