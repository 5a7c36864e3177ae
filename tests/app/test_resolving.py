"""Functions that take what another framework gives: which those are, and what they become."""

import inspect
import subprocess
import sys
from typing import Annotated

import pytest
from fastapi import Depends, HTTPException
from typing_extensions import TypeAliasType

from everywire.app import Everywire
from everywire.app.resolving import Resolving, worded
from everywire.errors import Refused


@pytest.fixture
def resolving():
    return Resolving()


def number() -> int:
    return 7


def test_a_function_without_such_parameters_stays_itself(resolving):
    def plain(connecting, other: int = 1): ...

    for function in (plain, len, str.upper, 5):
        assert resolving.complete("it", function) is function


def test_others_take_less_than_they_did(resolving):
    async def hook(connecting, number: Annotated[int, Depends(number)]): ...

    completed = resolving.complete("it", hook)
    assert completed.__name__ == "hook"
    assert str(inspect.signature(completed)) == "(connecting)"


def test_what_could_never_be_given_is_told_with_where_it_is(resolving):
    def hook(
        connecting, number: Annotated[int, Depends(lambda body: body)], wrong: Annotated[int, Depends(hidden)]
    ): ...

    with pytest.raises(TypeError, match=r"^it: `found` of the dependency hidden is a body"):
        resolving.complete("it", hook)


def hidden(found: dict[str, int]): ...


def test_hints_of_a_type_statement_are_looked_into(resolving):
    alias = TypeAliasType("alias", Annotated[int, Depends(number)])

    def hook(connecting, number): ...

    hook.__annotations__["number"] = alias
    assert resolving.complete("it", hook) is not hook


def test_hints_that_are_not_known_yet_are_left_alone(resolving):
    def hook(connecting: "Nowhere"): ...  # noqa: F821

    assert resolving.complete("it", hook) is hook


def test_exceptions_of_a_framework_have_words():
    class Missing(HTTPException):
        def __init__(self) -> None:
            super().__init__(404, "missing")

    assert worded(Missing()).code == 1404
    for error in (ValueError("x"), Refused("no")):
        assert worded(error) is error


def test_exceptions_of_one_without_its_face_are_ours(monkeypatch):
    monkeypatch.setitem(sys.modules, "everywire.fastapi.wording", None)
    error = HTTPException(404)
    assert worded(error) is error


def test_no_framework_and_nothing_that_looks_through_packages_is_imported_before_somebody_needs_it():
    code = """
import sys
from everywire import Everywire
app = Everywire()
app.on("f")(lambda a: a)
app.on_connect(lambda connecting: None)
print([name for name in ("fastapi", "starlette", "pydantic", "django", "importlib.metadata") if name in sys.modules])
"""
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert said.stdout == "[]\n"


def test_a_framework_that_is_not_installed_is_named():
    code = """
import sys
sys.modules["fastapi"] = None
import everywire.fastapi
"""
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert "install everywire[fastapi]" in said.stderr


def test_applications_have_one():
    app = Everywire()

    @app.on("f")
    async def f(a: int, number: Annotated[int, Depends(number)]): ...

    assert app.hooks.handlers["f"].argument.hints == {"a": int}
