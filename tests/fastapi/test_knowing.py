"""Who the user of a session is, as the dependency said."""

from types import SimpleNamespace

import msgspec
import pytest

from everywire.fastapi.knowing import Known, known, recalled
from everywire.fastapi.opening import ASKER, Opening, scope_for
from everywire.hub.access.identity import Identity, Limits


def source(): ...


VALUE = object()
IDENTITY = Identity("ada", info={"x": 1}, channels=("news",), limits=Limits(publishes=1), token="id")


def test_it_is_the_identity_and_remembers():
    who = Known.of(IDENTITY, source, VALUE, "shown")
    assert (who.source, who.value, who.proof) == (source, VALUE, "shown")
    for field in Identity.__struct_fields__:
        assert getattr(who, field) == getattr(IDENTITY, field)
    assert who.shown(None) == IDENTITY.shown(None)


def test_it_is_remembered_among_other_channels():
    who = Known.of(IDENTITY, source, VALUE, "shown").among(["news", "all", "news"])
    assert (who.user, who.channels) == ("ada", ("news", "all"))
    assert (who.source, who.value, who.proof) == (source, VALUE, "shown")


def test_a_record_has_the_identity_alone():
    class Record(msgspec.Struct):
        identity: Identity

    written = msgspec.msgpack.encode(Record(Known.of(IDENTITY, source, VALUE, "shown")))
    assert msgspec.msgpack.decode(written, type=Record).identity == IDENTITY
    assert b"shown" not in written


@pytest.mark.anyio
async def test_it_is_recalled_for_who_asks():
    asker = SimpleNamespace(identity=Known.of(IDENTITY, source, VALUE, None))
    assert known(asker) is asker.identity
    assert await recalled(Opening(scope_for(asker, None))) is VALUE
    assert scope_for(asker, None)[ASKER] is asker


def test_nothing_is_known_of_others():
    assert known(SimpleNamespace(identity=IDENTITY)) is None
    assert known(SimpleNamespace()) is None
