"""Parameters that FastAPI gives: found in a function once, and solved for each call of it by FastAPI itself."""

from __future__ import annotations

import inspect
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from typing import Annotated, Any, Final, get_args, get_origin

from fastapi import params
from fastapi.dependencies.models import Dependant
from fastapi.dependencies.utils import get_dependant, solve_dependencies
from fastapi.exceptions import FastAPIError
from fastapi.security import SecurityScopes
from starlette.background import BackgroundTasks
from starlette.requests import HTTPConnection
from starlette.responses import Response

from everywire.fastapi.knowing import Known, known, recalled
from everywire.fastapi.opening import Opening, scope_for
from everywire.fastapi.wording import unfit, worded
from everywire.hub.access.credentials import token
from everywire.hub.calling.callers import Caller

__all__ = ["Resolved", "check_dependencies", "resolution"]

_MARKS: Final = (params.Depends, params.Param, params.Body)
_KINDS: Final = (HTTPConnection, BackgroundTasks, SecurityScopes, Response)


def resolution(signature: inspect.Signature) -> Resolved | None:
    """Say how FastAPI gives those parameters that are its: `Depends`, `Security`, `Header` and the like, `Request`, `BackgroundTasks`; None without any.

    Raises `TypeError` for one that there is not here: a body, a `Response`.
    """
    wanted = [each.replace(kind=each.KEYWORD_ONLY) for each in signature.parameters.values() if _is_foreign(each)]
    return Resolved(wanted) if wanted else None


class Resolved:
    """Those parameters of one function, understood as FastAPI understands them.

    Invariants: `_plans` has the way to solve them for each set of path parameters that there was, and each dependency that has said who users are.
    """

    def __init__(self, wanted: list[inspect.Parameter]) -> None:
        self.names: Final = frozenset(each.name for each in wanted)
        self._call: Final = _called(wanted)
        self._plans: Final[dict[tuple[tuple[str, ...], Any], Dependant]] = {}
        try:
            plan = self._plan((), None)
        except (FastAPIError, AssertionError) as fault:
            raise TypeError(str(fault)) from None
        _check(plan)

    @asynccontextmanager
    async def given(self, asker: Any) -> AsyncIterator[dict[str, Any]]:
        """Give them for one call, and close behind it what was opened for it; what FastAPI's exceptions mean comes out as `Refused`.

        Tasks for the background begin once all that is over. A dependency with `yield` that does not raise an exception again is an error, as it
        is to FastAPI: whoever failed would be taken for one who gave nothing.
        """
        background: BackgroundTasks | None = None
        raised: BaseException | None = None
        try:
            async with AsyncExitStack() as lasting, AsyncExitStack() as brief:
                who = known(asker)
                scope = scope_for(asker, who.proof if who is not None else _shown(asker))
                scope["fastapi_middleware_astack"] = scope["fastapi_inner_astack"] = lasting
                scope["fastapi_function_astack"] = brief
                solved = await solve_dependencies(
                    request=Opening(scope),
                    dependant=self._plan((*scope["path_params"],), who),
                    dependency_overrides_provider=_overriding(scope.get("app")),
                    async_exit_stack=lasting,
                    embed_body_fields=False,
                )
                if solved.errors:
                    raise unfit(solved.errors)
                background = solved.background_tasks
                try:
                    yield solved.values
                except BaseException as error:
                    raised = error
                    raise
            if raised is not None:
                raise RuntimeError("a dependency with yield caught an exception and did not raise it again") from raised
        except Exception as error:
            told = worded(error)
            if told is error:
                raise
            raise told from error
        if background is not None:
            await _afterwards(asker, background)

    def _plan(self, path: tuple[str, ...], who: Known | None) -> Dependant:
        """Give the way to solve them where the path has these parameters, and `who` is known already."""
        key = (path, who.source if who is not None else None)
        plan = self._plans.get(key)
        if plan is None:
            plan = get_dependant(path="/" + "/".join(f"{{{name}}}" for name in path), call=self._call)
            if who is not None:
                plan = _recalling(plan, who.source)
            self._plans[key] = plan
        return plan


def check_dependencies(dependencies: Iterable[params.Depends]) -> None:
    """Raise `TypeError` for dependencies of a router that need a body: that of a request is its client's message, and there may be none."""
    for depends in dependencies:
        Resolved([inspect.Parameter("it", inspect.Parameter.KEYWORD_ONLY, annotation=Annotated[Any, depends])])


def _is_foreign(parameter: inspect.Parameter) -> bool:
    hint = getattr(parameter.annotation, "__value__", parameter.annotation)
    marks = get_args(hint)[1:] if get_origin(hint) is Annotated else ()
    if any(isinstance(mark, _MARKS) for mark in (parameter.default, *marks)):
        return True
    return isinstance(hint, type) and issubclass(hint, _KINDS)


def _called(wanted: list[inspect.Parameter]) -> Callable[..., None]:
    """Give a function that takes these parameters alone, for FastAPI to look at; nobody calls it."""

    def call(**given: Any) -> None: ...

    call.__signature__ = inspect.Signature(wanted)  # type: ignore[attr-defined]
    return call


def _check(plan: Dependant) -> None:
    """Raise `TypeError` for what no call has."""
    if plan.response_param_name is not None:
        raise TypeError(
            f"`{plan.response_param_name}`: an answer to a call is no response, and has no headers or cookies"
        )
    for each in _all(plan):
        for field in each.body_params:
            within = "" if each is plan else f" of the dependency {getattr(each.call, '__name__', each.call)}"
            raise TypeError(
                f"`{field.name}`{within} is a body, and a call has none: what its client sends is a parameter of the handler, without FastAPI's words"
            )


def _all(plan: Dependant) -> Iterator[Dependant]:
    yield plan
    for each in plan.dependencies:
        yield from _all(each)


def _recalling(plan: Dependant, source: Any) -> Dependant:
    """Give the same way, but that `source` is not asked again: what it gave is recalled. `Depends(source, use_cache=False)` asks it."""

    def told(each: Dependant) -> Dependant:
        if each.call == source and each.use_cache:
            return get_dependant(path=each.path or "/", call=recalled, name=each.name)
        return _recalling(each, source)

    return replace(plan, dependencies=[told(each) for each in plan.dependencies])


def _shown(asker: Any) -> str | None:
    """Give the token that is shown: by who connects, or by the request that began a connection."""
    if hasattr(asker, "token"):
        found: str | None = asker.token
        return found
    return token(None, getattr(asker, "request", None))


def _overriding(app: Any) -> Any:
    """Give the application by which dependencies are overridden, where it is one that can."""
    return app if getattr(app, "dependency_overrides", None) else None


async def _afterwards(asker: Any, tasks: BackgroundTasks) -> None:
    """Have tasks done behind the answer of a call; whoever is no caller yet waits for them."""
    if isinstance(asker, Caller):
        asker.afterwards(tasks())
    else:
        await tasks()
