"""Whom a dependency says a client is."""

from types import SimpleNamespace
from uuid import UUID

import pytest
from fastapi import HTTPException

from everywire.errors import Refused
from everywire.fastapi.users import connect_hook
from everywire.hub.access.identity import Identity
from everywire.hub.hooks import Connecting

pytestmark = pytest.mark.anyio
CONNECTING = Connecting("shown", None, None)


async def named(value, name=None):
    async def dependency():
        return value

    identity = await connect_hook(dependency, name)(CONNECTING)
    assert (identity.source, identity.value, identity.proof) == (dependency, value, "shown")
    return identity.user


@pytest.mark.parametrize(
    ("value", "user"),
    [
        (None, None),
        ("ada", "ada"),
        (Identity("ada"), "ada"),
        (SimpleNamespace(id=0), "0"),
        (SimpleNamespace(id=UUID(int=1), username="ada"), str(UUID(int=1))),
        (SimpleNamespace(id=None, username="ada"), "ada"),
        ({"username": "ada"}, "ada"),
    ],
)
async def test_a_user_is_found_in_what_it_gives(value, user):
    assert await named(value) == user


async def test_another_name_may_be_told():
    assert await named(SimpleNamespace(id=1, email="a@example.com"), lambda user: user.email) == "a@example.com"
    assert await named(None, lambda user: None) is None


@pytest.mark.parametrize("value", [5, object(), {}, SimpleNamespace(id=1.5), ["ada"]])
async def test_what_has_no_name_is_our_fault(value):
    with pytest.raises(TypeError, match="router\\(…, user_name=…\\) says what it is called"):
        await named(value)


async def test_it_may_say_no():
    async def dependency():
        raise HTTPException(403, "not you")

    with pytest.raises(Refused, match="not you") as no:
        await connect_hook(dependency, None)(CONNECTING)
    assert no.value.code == 103
