"""Commands that wait for their answers: order, window, repetition."""

import asyncio
import json

import pytest

from everywire.client.requests import Manner, Requests
from everywire.client.wire import Failed, Published, Result
from everywire.errors import ConnectionClosedError, Refused


def add(requests: Requests, number: int, *, repeatable: bool = True, **options: object) -> asyncio.Future:
    command = {"type": "call", "id": number}
    return requests.add(command, lambda answer: answer.data, Manner(repeatable=repeatable, **options))


def flushed(requests: Requests) -> list[int]:
    sent: list[str] = []
    requests.flush(sent.append)
    return [json.loads(text)["id"] for text in sent]


async def test_each_is_sent_once_in_order_and_answered():
    requests = Requests(10)
    futures = [add(requests, number) for number in (1, 2, 3)]
    assert flushed(requests) == [1, 2, 3]
    assert flushed(requests) == []
    requests.answer(2, Result(2, "two"))
    requests.answer(1, Failed(1, 103, "permission denied", True))
    assert await futures[1] == "two"
    with pytest.raises(Refused) as refused:
        await futures[0]
    assert (refused.value.code, refused.value.reason, refused.value.temporary) == (103, "permission denied", True)
    assert len(requests) == 1
    requests.answer(99, Result(99))  # nobody's


async def test_only_so_many_are_unanswered_at_a_time():
    requests = Requests(1000)
    futures = [add(requests, number) for number in range(100)]
    assert flushed(requests) == list(range(64))
    requests.answer(0, Result(0))
    assert flushed(requests) == [64]
    assert futures[0].done()


async def test_after_a_loss_only_the_repeatable_is_said_again():
    requests = Requests(10)
    once, again = add(requests, 1, repeatable=False), add(requests, 2)
    assert flushed(requests) == [1, 2]
    unsent = add(requests, 3, repeatable=False)
    requests.lost(1006)
    with pytest.raises(ConnectionClosedError, match="1006"):
        await once
    assert flushed(requests) == [2, 3]
    assert not again.done()
    assert not unsent.done()


async def test_what_was_too_big_is_not_said_again():
    requests = Requests(10)
    sent, unsent = add(requests, 1), None
    flushed(requests)
    unsent = add(requests, 2)
    requests.lost(1009)
    with pytest.raises(ConnectionClosedError, match="too big"):
        await sent
    assert not unsent.done()


async def test_an_answer_of_another_kind_is_an_error():
    requests = Requests(10)
    future = add(requests, 1)
    requests.answer(1, Published(1, "c"))
    with pytest.raises(ConnectionClosedError, match="another kind"):
        await future


async def test_too_many_are_refused():
    requests = Requests(1)
    add(requests, 1)
    with pytest.raises(Refused, match="1 commands are waiting") as refused:
        add(requests, 2)
    assert refused.value.temporary
    assert refused.value.code == 108


async def test_what_cannot_be_said_is_raised_at_once_and_not_kept():
    requests = Requests(1)
    with pytest.raises(TypeError):
        requests.add({"type": "call", "id": 1, "data": object()}, lambda answer: answer, repeatable=True)
    assert len(requests) == 0


async def test_a_timeout_fails_the_request():
    requests = Requests(1)
    future = add(requests, 1, timeout=0.001)
    with pytest.raises(TimeoutError, match=r"no answer to call within 0\.001 s"):
        await future
    assert len(requests) == 0


@pytest.mark.parametrize(("timeout", "error"), [(0, TimeoutError), (30, Refused), (None, Refused)])
async def test_whose_time_was_over_first_decides_how_it_fails(timeout, error):
    """The server, too, ends what takes too long: by its own time, or by the client's, which it counts from later on."""
    requests = Requests(10)
    future = add(requests, 1, timeout=timeout)
    flushed(requests)
    requests.answer(1, Failed(1, 113, "timed out", True))
    with pytest.raises(error):
        await future


async def test_everything_fails_at_the_end():
    requests = Requests(10)
    futures = [add(requests, 1), add(requests, 2, timeout=60)]
    requests.fail_all(ConnectionClosedError(1000, "closed"))
    for future in futures:
        with pytest.raises(ConnectionClosedError):
            await future
    assert len(requests) == 0
