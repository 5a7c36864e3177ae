"""Spans, as OpenTelemetry's own library collects them."""

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from everywire.app import Everywire
from everywire.errors import Refused
from everywire.testing import Net, passed


@pytest.fixture
def traced():
    kept, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(kept))
    app = Everywire()
    app.channel("room:{name}", history=5)

    @app.on("slow")
    async def slow(member, data):
        with trace.get_tracer("theirs", tracer_provider=provider).start_as_current_span("inside"):
            await passed(1)

    @app.on("no")
    async def no(member, data):
        raise Refused("no")

    @app.on("alone", concurrent=True)
    async def alone(member, data):
        with trace.get_tracer("theirs", tracer_provider=provider).start_as_current_span("inside"):
            await passed(2)
        if data:
            raise ValueError(data)

    @app.on("numbers")
    async def numbers(data: int):
        for number in range(data):
            yield number
            await passed(1)

    app.trace(provider)
    with Net(app) as net:
        yield net, kept
    provider.shutdown()


def test_each_command_that_does_something_has_its_span(traced):
    net, kept = traced
    client = net.client()
    client.send("connect")
    client.send("subscribe", channel="room:a")
    client.send("publish", channel="room:a", data={"secret": 1})
    client.send("ping")
    net.run()
    assert len(client.events()) == 5
    spans = kept.get_finished_spans()
    assert [span.name for span in spans] == ["connect", "subscribe", "publish"]
    assert spans[2].attributes["messaging.destination.name"] == "room:a"
    assert spans[2].kind is trace.SpanKind.SERVER
    assert "secret" not in repr([dict(span.attributes) for span in spans])


def test_a_handler_s_own_spans_are_inside(traced):
    net, kept = traced
    client = net.client()
    client.send("connect")
    client.send("call", name="slow")
    net.run(2)
    inside, outside = kept.get_finished_spans()[-2:]
    assert (inside.name, outside.name) == ("inside", "call slow")
    assert inside.parent.span_id == outside.context.span_id


def test_a_refusal_shows(traced):
    net, kept = traced
    client = net.client()
    client.send("connect")
    client.send("call", name="no")
    net.run()
    assert not kept.get_finished_spans()[-1].status.is_ok


@pytest.mark.parametrize("data", ["", "wrong"])
def test_a_call_that_goes_on_by_itself_has_one_span_for_all_of_it(traced, data):
    net, kept = traced
    client = net.client()
    client.send("connect")
    client.send("call", name="alone", data=data)
    client.send("subscribe", channel="room:a")
    net.run(1)
    assert [span.name for span in kept.get_finished_spans()] == ["connect", "subscribe"]
    net.run(2)
    inside, outside = kept.get_finished_spans()[2:]
    assert (inside.name, outside.name) == ("inside", "call alone")
    assert inside.parent.span_id == outside.context.span_id
    assert outside.parent is None
    assert outside.status.is_ok is not bool(data)


def test_a_stream_has_one_span_for_all_of_it(traced):
    net, kept = traced
    client = net.client()
    client.send("connect")
    client.send("call", name="numbers", data=3, credit=10)
    net.run(1)
    assert [span.name for span in kept.get_finished_spans()] == ["connect"]
    net.run(5)
    assert [span.name for span in kept.get_finished_spans()] == ["connect", "call numbers"]


def test_a_call_that_is_cancelled_ends_its_span(traced):
    net, kept = traced
    client = net.client()
    client.send("connect")
    asked = client.send("call", name="alone")
    net.run(1)
    client.line.receive(f'{{"type":"cancel","id":{asked}}}')
    net.run()
    assert kept.get_finished_spans()[-1].name == "call alone"


def test_nothing_is_traced_unless_asked():
    with Net(Everywire()) as net:
        assert net.app.hub.tracer is None
