"""Calls from the server to a client."""

import asyncio
from dataclasses import dataclass

import pytest

from everywire.app import Everywire
from everywire.errors import Declined, Refused, SessionGone
from everywire.hub.calling.asking import Question, read
from everywire.hub.calling.callers import Caller
from everywire.hub.calling.shapes import Shape
from everywire.hub.settings import Settings
from everywire.messages import Answer, Heartbeat, Raw
from everywire.testing import Net, Refusal

SMALL = Settings(max_data=50, max_asked=2, answer_deadline=5, heartbeat=Heartbeat(every=100_000))


@dataclass
class Choice:
    name: str


@pytest.fixture
def app():
    app = Everywire(settings=SMALL)

    @app.on("ask")
    async def ask(caller: Caller, data):
        return ["you said", await caller.call("confirm", data)]

    return app


@pytest.fixture
def net(app):
    with Net(app) as net:
        yield net


@pytest.fixture
def client(net):
    return net.connect()


def asked(net, client, name="confirm", data=None, **options):
    """The task of a call to `client`, and the event that it heard."""
    task = net.loop.create_task(net.app.call(client.session, name, data, **options))
    net.run()
    [event] = client.events("call")
    return task, event


def answer(client, call, **fields):
    client.send("answer", call=call, **fields)


def test_a_client_is_called_and_answers(net, client):
    task, event = asked(net, client, data={"x": 1})
    assert event == {"type": "call", "call": event["call"], "name": "confirm", "data": {"x": 1}, "timeout": 5000}
    answer(client, event["call"], data=[1, 2])
    net.run()
    assert task.result() == [1, 2]
    assert client.line.attachment.calls.asked == {}


def test_a_handler_may_call_its_own_client_back(net, client):
    """The answer comes while the handler holds up its session: it must not wait behind it."""
    call = client.send("call", name="ask", data="sure?")
    ping = client.send("ping")
    net.run()
    [event] = client.events("call")
    answer(client, event["call"], data="yes")
    net.run()
    assert client.answer(call)["data"] == ["you said", "yes"]
    assert client.answer(ping)["type"] == "pong"


def test_an_answer_without_data_is_null(net, client):
    task, event = asked(net, client)
    answer(client, event["call"])
    net.run()
    assert task.result() is None


def test_an_answer_is_read_as_it_should_be(net, client):
    task, event = asked(net, client, returns=Choice)
    answer(client, event["call"], data={"name": "tea"})
    net.run()
    assert task.result() == Choice("tea")
    task, event = asked(net, client, returns=Choice)
    answer(client, event["call"], data={})
    net.run()
    with pytest.raises(Refused, match="missing required field `name`"):
        task.result()


def test_a_client_declines(net, client):
    task, event = asked(net, client)
    answer(client, event["call"], error={"code": 109, "reason": "unknown name"})
    net.run()
    with pytest.raises(Declined, match="109 unknown name") as caught:
        task.result()
    assert (caught.value.code, caught.value.reason) == (109, "unknown name")


def test_a_decline_that_a_handler_does_not_catch_is_an_internal_error(net, client):
    call = client.send("call", name="ask")
    net.run()
    [event] = client.events("call")
    answer(client, event["call"], error={"code": 1234, "reason": "not for others to read"})
    net.run()
    with pytest.raises(Refusal, match=r"^100 internal error$"):
        client.answer(call)


@pytest.mark.parametrize(("options", "seconds"), [({}, 5), ({"timeout": 2}, 2), ({"timeout": 60}, 60)])
def test_a_client_that_does_not_answer_in_time(net, client, options, seconds):
    task, event = asked(net, client, **options)
    net.run(seconds - 0.1)
    assert not task.done()
    net.run(0.2)
    with pytest.raises(TimeoutError, match=f"did not answer 'confirm' within {seconds}"):
        task.result()
    assert client.events() == [{"type": "cancel", "call": event["call"]}]
    answer(client, event["call"], data=1)
    assert client.events() == []


def test_who_waits_no_longer_says_so(net, client):
    task, event = asked(net, client)
    task.cancel()
    net.run()
    assert client.events() == [{"type": "cancel", "call": event["call"]}]
    assert client.line.attachment.calls.asked == {}


def test_an_answer_and_a_cancel_in_the_same_moment(net, client):
    task, event = asked(net, client)
    task.cancel()
    answer(client, event["call"], data=1)
    net.run()
    assert task.cancelled()


def test_a_client_that_is_lost(net, client):
    task, _ = asked(net, client)
    client.drop()
    net.run()
    with pytest.raises(SessionGone, match="lost before it answered"):
        task.result()
    with pytest.raises(SessionGone, match="not connected"):
        net.loop.run_until_complete(net.app.call(client.session, "confirm"))
    net.run(20)
    with pytest.raises(SessionGone, match="there is no session"):
        net.loop.run_until_complete(net.app.call(client.session, "confirm"))


def test_a_session_that_goes_on_is_called_again(net, client):
    _, event = asked(net, client)
    client.drop()
    again = net.connect(resume=client.resume)
    task, second = asked(net, again)
    assert second["call"] != event["call"], "or a late answer would be taken for another"
    answer(again, event["call"], data="late")
    net.run()
    assert not task.done()
    answer(again, second["call"], data="in time")
    net.run()
    assert task.result() == "in time"


def test_another_client_cannot_answer(net, client):
    task, event = asked(net, client)
    answer(net.connect(), event["call"], data="forged")
    net.run()
    assert not task.done()
    task.cancel()
    net.run()


def test_an_answer_that_is_too_big(net, client):
    task, event = asked(net, client)
    answer(client, event["call"], data="x" * 50)
    net.run()
    with pytest.raises(Declined, match="108 the answer is too big"):
        task.result()


def test_so_many_calls_to_one_client_and_no_more(net, client):
    tasks = [asked(net, client)[0] for _ in range(2)]
    with pytest.raises(Refused, match="too many calls") as caught:
        net.loop.run_until_complete(net.app.call(client.session, "confirm"))
    assert (caught.value.code, caught.value.temporary) == (108, True)
    asked(net, net.connect())[0].cancel()
    for task in tasks:
        task.cancel()
    net.run()
    asked(net, client)[0].cancel()
    net.run()


def test_a_handler_may_wait_for_several_answers(app, net, client):
    @app.on("survey")
    async def survey(caller: Caller):
        return await asyncio.gather(*(caller.call("question", number) for number in range(2)))

    call = client.send("call", name="survey")
    net.run()
    for event in client.events("call"):
        answer(client, event["call"], data=event["data"] * 10)
    net.run()
    assert client.answer(call)["data"] == [0, 10]


def test_a_handler_that_is_cancelled_takes_its_calls_back(net, client):
    call = client.send("call", name="ask")
    net.run()
    client.events()
    client.send("cancel", id=call)
    net.run()
    assert [event["type"] for event in client.events()] == ["cancel"]


@pytest.mark.parametrize(
    ("answer", "apart", "together"),
    [
        (Answer(1, Raw(b"[1,2]")), [[1, 2]], [1, 2]),
        (Answer(1, Raw(b"[1,2]"), positional=True), [1, 2], [1, 2]),
        (Answer(1, Raw(b"null"), positional=True), [], None),
        (Answer(1, Raw(b"null")), [None], None),
    ],
)
def test_several_answers_are_given_apart_where_that_is_wanted(answer, apart, together):
    assert read(Shape(), Question("f", apart=True), answer) == apart
    assert read(Shape(), Question("f"), answer) == together
