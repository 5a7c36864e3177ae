"""Options of commands that are the fields of a dataclass: given to a command, and written down for another process that is to do the same."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import fields
from typing import TYPE_CHECKING, Any, TypeVar

import click
from click.core import ParameterSource

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

__all__ = ["given_by_hand", "with_options", "written"]

F = TypeVar("F", bound=Callable[..., Any])


def with_options(command: F, options: Sequence[Callable[[F], F]]) -> F:
    """Give a click command some options, in their order."""
    for option in reversed(options):
        command = option(command)
    return command


def given_by_hand(name: str) -> bool:
    """Whether the running command was given that option, also by its environment, but not by a file; False outside of commands."""
    ctx = click.get_current_context(silent=True)
    unsaid = (None, ParameterSource.DEFAULT, ParameterSource.DEFAULT_MAP)
    return ctx is not None and ctx.get_parameter_source(name) not in unsaid


def written(taken: DataclassInstance, but: Iterable[str] = ()) -> list[str]:
    """Write options down as arguments, but for some: what is not the default, and what was said by hand, since the environment may say otherwise."""
    found: list[str] = []
    for each in fields(taken):
        value = getattr(taken, each.name)
        if each.name in but or not (value != each.default or given_by_hand(each.name)):
            continue
        option = "--" + each.name.replace("_", "-")
        if value is True:
            found.append(option)
        elif value is not None and value is not False:
            found += [option, str(value)]
    return found
