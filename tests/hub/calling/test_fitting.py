"""Results as their types have them: what a model does not have is not said, and what does not fit is an error of ours."""

from collections.abc import AsyncIterator, Awaitable
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Generic, Literal, NewType, NotRequired, Required, TypedDict, TypeVar

import msgspec
import pytest
from pydantic import BaseModel, Field, ValidationError

from everywire.app import Everywire
from everywire.hub.calling.fitting import fit_for
from everywire.hub.calling.shapes import encode
from everywire.hub.settings import Settings
from everywire.messages import Heartbeat, Packed, Raw
from everywire.testing import Refusal


class Out(BaseModel):
    name: str = Field(serialization_alias="called")


class Row(Out):
    password: str = "hash"


class Other(BaseModel):
    name: str
    password: str = "hash"


@dataclass(frozen=True, slots=True)
class Page:
    rows: list[Out]
    next: "Page | None" = None
    icon: bytes = b""


class Listed(TypedDict):
    first: Out
    count: int


class Packet(msgspec.Struct, frozen=True, rename="camel"):
    the_row: Out | msgspec.UnsetType = msgspec.UNSET


class Sparse(TypedDict, total=False):
    first: Required[Out]
    page: NotRequired[Page]


@dataclass
class Kind:
    usual: ClassVar[Out] = Out(name="usual")
    each: Out


T = TypeVar("T")


@dataclass
class Of(Generic[T]):
    each: T


ANN = {"called": "ann"}
Named = NewType("Named", Out)
Word = NewType("Word", str)


@pytest.fixture
def app():
    return Everywire(settings=Settings(heartbeat=Heartbeat(every=100_000)))


def fitted(hint, value):
    fit = fit_for(hint)
    said = encode(fit(value))
    return msgspec.msgpack.decode(said) if isinstance(said, Packed) else msgspec.json.decode(said)


@pytest.mark.parametrize(
    ("hint", "value", "told"),
    [
        (Out, Row(name="ann"), ANN),
        (Out, Other(name="ann"), ANN),
        (Named, Row(name="ann"), ANN),
        (Awaitable[Out], Row(name="ann"), ANN),
        (Annotated[Out, "whatever"], {"name": "ann", "password": "hash"}, ANN),
        (Out | None, None, None),
        (list[Out], (Row(name="ann"),), [ANN]),
        (dict[str, Out], {"a": Row(name="ann")}, {"a": ANN}),
        (Listed, {"first": Row(name="ann"), "count": 1}, {"first": ANN, "count": 1}),
        (Packet, Packet(Row(name="ann")), {"theRow": ANN}),
        (Packet | None, Packet(), {}),
        (Of[Out], Of(Other(name="ann")), {"each": ANN}),
        (Of[list[Out]] | int, 3, 3),
        (Sparse, {"first": Row(name="ann")}, {"first": ANN}),
        (
            Sparse,
            {"first": Row(name="ann"), "page": Page([])},
            {"first": ANN, "page": {"rows": [], "next": None, "icon": b""}},
        ),
        (Kind, Kind(Row(name="ann")), {"each": ANN}),
        (tuple[Packet, int], (Packet(Row(name="ann")), 1), [{"theRow": ANN}, 1]),
        (dict[str, list[Packet]], {"a": [Packet(Row(name="ann"))]}, {"a": [{"theRow": ANN}]}),
    ],
    ids=lambda each: None if isinstance(each, dict | BaseModel) else type(each).__name__,
)
def test_only_what_the_type_has_is_said(hint, value, told):
    assert fitted(hint, value) == told


def test_a_type_within_itself_is_fitted_and_bytes_beside_stay_what_they_are():
    page = fit_for(Page)(Page([Row(name="ann")], Page([Other(name="bob")], None, b"x")))
    assert (page.rows, page.next.rows, page.next.icon) == ([ANN], [{"called": "bob"}], b"x")


@pytest.mark.parametrize("hint", [Any, int, None, list[int], Of[int], Raw, dict[str, Any]], ids=str)
def test_what_has_no_model_in_it_is_left_alone(hint):
    assert fit_for(hint) is None


@pytest.mark.parametrize("beside", [Literal["none"], Word, Any, object, int, None, bytes], ids=str)
def test_beside_any_other_type_a_model_says_only_what_it_has(beside):
    assert fitted(beside | Out | Kind, Row(name="ann")) == ANN
    assert fitted(beside | Of[Out], Of(Row(name="ann"))) == {"each": ANN}


@pytest.mark.parametrize(
    ("hint", "value", "told"),
    [
        (Out | Kind, {"name": "ann", "password": "hash"}, ANN),
        (list[Kind] | None, (Kind(Row(name="ann")),), [{"each": ANN}]),
        (list[Kind] | str, "text", "text"),
        (float | Kind, 3, 3),
        (Out | Raw, Raw(b"1"), 1),
        (Out | bytes, b"\xff", b"\xff"),
        (dict[str, Out | bytes], {"a": Row(name="ann"), "b": b"\xff"}, {"a": ANN, "b": b"\xff"}),
    ],
)
def test_a_union_takes_what_one_of_its_types_takes_alone(hint, value, told):
    assert fitted(hint, value) == told


def test_what_is_no_sequence_is_none():
    with pytest.raises(TypeError, match="of type str is none of"):
        fit_for(list[Kind] | None)("text")


def test_what_does_not_fit_is_an_error():
    for hint, value in ((Out, {"nam": "ann"}), (list[Out], [Out(name="ann"), 1]), (Page, Page([object()]))):
        with pytest.raises(ValidationError):
            fit_for(hint)(value)
    with pytest.raises(TypeError, match="of type Other is no Page"):
        fit_for(Page)(Other(name="ann"))
    with pytest.raises(TypeError, match="of type Other is none of"):
        fit_for(Page | None)(Other(name="ann"))


def test_what_is_data_already_is_said_as_it_is():
    assert fit_for(Out)(Raw(b"1")) == Raw(b"1")


def test_a_type_that_cannot_be_written_is_an_error_where_it_is_declared(app):
    async def never() -> Out | app.__class__: ...

    with pytest.raises(TypeError, match="handler of 'never': nothing can be written as"):
        app.on("never")(never)


async def later() -> Out:
    return Row(name="ann")


def threaded() -> Out:
    return Row(name="ann")


@pytest.mark.parametrize(("function", "options"), [(later, {}), (threaded, {}), (threaded, {"inline": True})])
def test_a_call_is_answered_by_what_its_type_has(app, net, function, options):
    app.on("row", **options)(function)
    client = net.connect()
    asked = client.send("call", name="row")
    net.run()
    assert client.answer(asked)["data"] == ANN


@pytest.mark.parametrize("inline", [False, True])
def test_a_result_that_does_not_fit_is_an_error_of_ours(app, net, caplog, inline):
    @app.on("row", inline=inline)
    def row() -> Out:
        return {"password": "hash"}

    with pytest.raises(Refusal, match=r"^100 internal error$") as caught:
        net.connect().ask("call", name="row")
    assert caught.value.data is None
    assert "ValidationError" in caplog.text


def test_items_of_a_stream_are_fitted_one_by_one(app, net):
    @app.on("rows")
    async def rows() -> AsyncIterator[Out]:
        yield Row(name="ann")
        yield 1

    client = net.connect()
    asked = client.send("call", name="rows", credit=5)
    net.run()
    told = [each for each in client.events() if each["id"] == asked]
    assert [each.get("data", each.get("reason")) for each in told] == [ANN, "internal error"]
