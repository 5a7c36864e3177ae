"""Handlers of calls as they were declared: what each takes, how it runs, what it gives.

The rule, in order, for each parameter of a handler that is not given by a `Resolver` (docs/handlers.md says it to users):

1. annotated `Caller` or `Member`, or without a hint and named `caller` or `member`: who calls;
2. annotated `AsyncIterator[T]`: a stream of items that the client sends; several are given in their order;
3. `*arguments`: all that the client sends, in its order; there is no field beside it then;
4. named `data`, or the only one left and annotated with a type that has fields (a dataclass, TypedDict, Struct, model): the whole argument;
5. any other: a field of the argument, which is an object then.
"""

from __future__ import annotations

import inspect
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal, TypeAlias, get_args, get_origin

from everywire.hub.calling.callers import Caller
from everywire.hub.calling.fitting import fit_for
from everywire.hub.calling.resolving import Resolver
from everywire.hub.calling.shapes import Fields, Shape, elements, has_fields
from everywire.messages import Data, Member, Raw

__all__ = ["HandlerOptions", "Handler", "returned"]

_Limit: TypeAlias = float | Literal["default"] | None
_STREAMS = (AsyncIterator, AsyncIterable, AsyncGenerator)
_EMPTY = inspect.Parameter.empty
_NULL: Final = Raw(b"null")


@dataclass(frozen=True, slots=True, kw_only=True)
class HandlerOptions:
    """How a handler runs.

    `concurrent`: commands behind its call do not wait for it. `inline`: a plain function runs on the event loop, not in a thread.
    `finish`: once begun it runs to its end, whatever becomes of its client; only the server's own deadline ends it. `timeout`: that
    deadline, in seconds; None for no limit.
    """

    concurrent: bool = False
    inline: bool = False
    finish: bool = False
    timeout: _Limit = "default"


class Handler:
    """A function that answers calls, understood once.

    Raises `TypeError` for a function that could never be called: it says which parameter is to be changed, and how.

    - `argument` reads the call's data; None where the handler takes none.
    - `inflows` read the items of the client's streams, one each.
    - `streams` says whether it answers with a stream; `threaded`, whether it runs in a thread; `immediate`, whether it needs no task.
    - `called` is the function, taking what `bind` gives by name.
    - `told`: it takes who calls.
    - `resolution` gives what no client sends; None where there is nothing of that.
    - `direct`: nothing of it can be under way any more once it has returned, unless that is something to wait for.
    - `detached`: commands behind its call do not wait for it. `steadfast`: it goes on without its client. `endless`: it has a
      stream, and no more time than its own options give it.
    - `returns` is the hint of its result, or of one item of its stream; `fit` makes such a result what that hint says, None where it only
      describes.
    """

    __slots__ = (
        "_callers",
        "_inflows",
        "_members",
        "_rest",
        "_whole",
        "argument",
        "called",
        "detached",
        "direct",
        "endless",
        "fit",
        "function",
        "immediate",
        "inflows",
        "name",
        "options",
        "resolution",
        "returns",
        "steadfast",
        "streams",
        "threaded",
        "told",
    )

    def __init__(
        self,
        name: str,
        function: Callable[..., Any],
        options: HandlerOptions | None = None,
        resolver: Resolver | None = None,
    ) -> None:
        self.name: Final = name
        self.function: Final = function
        self.called: Callable[..., Any] = function
        self.options: Final = options or HandlerOptions()
        signature = _signature(name, function)
        self.streams, self.returns = returned(function, signature.return_annotation)
        plain = not (self.streams or _is_async(function))
        self.threaded = plain and not self.options.inline
        try:
            self.fit = fit_for(self.returns)
            self.resolution = resolver(signature) if resolver is not None else None
        except TypeError as fault:
            raise self._wrong(str(fault)) from None
        self.immediate = plain and self.resolution is None
        self._callers: list[str] = []
        self._members: list[str] = []
        self._inflows: list[str] = []
        self._rest: str | None = None
        self._whole: inspect.Parameter | None = None
        self.argument: Shape | Fields | None = None
        self.inflows: list[Shape] = []
        self._take(signature.parameters)
        self._check()
        self.endless = self.streams or bool(self.inflows)
        self.detached = self.options.concurrent or self.endless
        self.steadfast = self.options.finish or self.threaded
        self.told = bool(self._callers or self._members)
        self.direct = self.immediate and not (self.detached or self.steadfast)

    def bind(
        self, caller: Caller | None, data: Data | None, streams: Sequence[AsyncIterator[Any]], positional: bool = False
    ) -> dict[str, Any]:
        """Give what the function is called with; raises `Refused` (107) for data that is not what it takes.

        `caller` may be None where the handler is not `told` it. `streams` are as many as it takes. `positional`: `data` is an array of the
        arguments, in the order of the fields; one alone may be the whole argument.
        """
        argument, bound = self.argument, {}
        if isinstance(argument, Fields):
            bound = argument.placed(data) if positional and data is not None else argument.read(data)
        elif self._rest is not None:
            bound[self._rest] = self._listed(data, positional=positional)
        elif self._whole is not None and argument is not None and (data is not None or self._whole.default is _EMPTY):
            bound[self._whole.name] = argument.read(_argument(data, positional=positional))
        if caller is not None:
            for name in self._callers:
                bound[name] = caller
            for name in self._members:
                bound[name] = caller.member
        if self._inflows:
            bound.update(zip(self._inflows, streams, strict=True))
        return bound

    def _listed(self, data: Data | None, *, positional: bool) -> list[Any]:
        """Give all arguments, each read."""
        assert isinstance(self.argument, Shape)
        if data is None:
            return []
        return [self.argument.read(each) for each in (elements(data) if positional else [data])]

    def _take(self, parameters: Mapping[str, inspect.Parameter]) -> None:
        fields: dict[str, inspect.Parameter] = {}
        for parameter in parameters.values():
            name, hint = parameter.name, parameter.annotation
            if self.resolution is not None and name in self.resolution.names:
                continue
            if parameter.kind is parameter.VAR_POSITIONAL:
                self._rest = name
                fields[name] = parameter
                continue
            if parameter.kind not in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY):
                raise self._wrong(f"{parameter}: parameters are passed by name; name each field")
            if hint is Caller or (hint is _EMPTY and name == "caller"):
                self._callers.append(name)
            elif hint is Member or (hint is _EMPTY and name == "member"):
                self._members.append(name)
            elif (get_origin(hint) or hint) in _STREAMS:
                self._inflows.append(name)
                self.inflows.append(self._shape(name, (get_args(hint) or (Any,))[0]))
            else:
                fields[name] = parameter
        if self._rest is not None:
            self._take_all(fields, [*parameters])
            return
        self._whole = fields.pop(_whole(fields), None)
        if self._whole is not None and fields:
            raise self._wrong(
                f"`data` is the whole argument, `{next(iter(fields))}` a field of it: take one or the other"
            )
        self._take_argument(fields)

    def _take_all(self, fields: Mapping[str, inspect.Parameter], names: Sequence[str]) -> None:
        """Take all arguments as they come."""
        name = self._rest
        assert name is not None
        if len(fields) > 1:
            other = next(each for each in fields if each != name)
            raise self._wrong(f"`*{name}` is all that the client sends, `{other}` a field of it: take one or the other")
        self.argument = self._shape(name, _hint(fields[name]))
        self.called = _spread(self.function, names[: names.index(name)], name)

    def _take_argument(self, fields: Mapping[str, inspect.Parameter]) -> None:
        if self._whole is not None:
            self.argument = self._shape(self._whole.name, _hint(self._whole))
        if not fields:
            return
        for name, parameter in fields.items():
            self._shape(name, _hint(parameter))
        optional = frozenset(name for name, parameter in fields.items() if parameter.default is not _EMPTY)
        self.argument = Fields({name: _hint(parameter) for name, parameter in fields.items()}, optional)

    def _shape(self, name: str, hint: Any) -> Shape:
        try:
            return Shape(hint)
        except TypeError as fault:
            raise self._wrong(f"`{name}`: {fault}") from None

    def _check(self) -> None:
        if inspect.isgeneratorfunction(self.function):
            raise self._wrong("a stream is an async generator: write `async def`")
        if self.options.finish and (self.streams or self.inflows):
            raise self._wrong("a stream ends with its client: `finish` is for calls without one")
        if self.options.inline and _is_async(self.function):
            raise self._wrong("`inline` is for plain functions; this one runs on the loop anyway")

    def _wrong(self, why: str) -> TypeError:
        return TypeError(f"handler of {self.name!r}: {why}")


def _argument(data: Data | None, *, positional: bool) -> Data:
    """Give what a whole argument is read from: of an array of arguments the only one, where it is one."""
    if data is None:
        return _NULL
    if not positional:
        return data
    each = elements(data)
    return each[0] if len(each) == 1 else data


def _spread(function: Callable[..., Any], before: Sequence[str], rest: str) -> Callable[..., Any]:
    """Have a function called by names that takes all other arguments as `*rest`, which is behind those in `before`."""

    def called(**named: Any) -> Any:
        first, others = [named.pop(name) for name in before], named.pop(rest)
        return function(*first, *others, **named)

    return called


def _whole(fields: Mapping[str, inspect.Parameter]) -> str:
    """Name the parameter that takes the whole argument, if there is one."""
    names = [*fields]
    return names[0] if len(names) == 1 and has_fields(_hint(fields[names[0]])) else "data"


def _signature(name: str, function: Callable[..., Any]) -> inspect.Signature:
    try:
        return inspect.signature(function, eval_str=True)
    except NameError as fault:
        raise TypeError(f"handler of {name!r}: a hint is not known where it stands: {fault}") from None
    except ValueError:
        raise TypeError(
            f"handler of {name!r}: {function!r} does not say what it takes; wrap it in a function"
        ) from None


def returned(function: Callable[..., Any], hint: Any) -> tuple[bool, Any]:
    """Say whether a function gives a stream, and the hint of what it gives."""
    declared = (get_origin(hint) or hint) in _STREAMS
    streams = declared or any(inspect.isasyncgenfunction(each) for each in _bodies(function))
    if declared:
        return True, (get_args(hint) or (Any,))[0]
    return streams, Any if hint is _EMPTY or streams else hint


def _is_async(function: Callable[..., Any]) -> bool:
    return any(inspect.iscoroutinefunction(each) or inspect.isasyncgenfunction(each) for each in _bodies(function))


def _bodies(function: Callable[..., Any]) -> tuple[Any, Any]:
    """Give a function, and what runs if it is an object that can be called."""
    return function, getattr(function, "__call__", None)  # noqa: B004


def _hint(parameter: inspect.Parameter) -> Any:
    return Any if parameter.annotation is _EMPTY else parameter.annotation
