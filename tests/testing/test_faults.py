"""A broker that takes its time."""

import pytest
from tests.contracts.broker import KEEP, draft, numbers

from everywire.brokers.memory import MemoryBroker
from everywire.testing import SlowBroker, VirtualLoop, virtual_world


@pytest.fixture
def loop():
    with VirtualLoop() as loop:
        yield loop


def make(loop, *delays):
    world, delays = virtual_world(loop), iter(delays)
    return SlowBroker(MemoryBroker(world.now, world.new_id), world, lambda: next(delays))


def test_questions_and_answers_take_their_time(loop):
    loop.run_until_complete(make(loop, 1, 2).publish("c", draft(1), KEEP))
    assert loop.time() == pytest.approx(3, abs=0.01)


def test_a_question_does_not_overtake_another(loop):
    broker, news = make(loop, 0, 0, 5, 0, 0, 0, 0, 0), []
    broker.listen(news.append)
    loop.run_until_complete(broker.watch("c"))
    for number in (1, 2):
        loop.create_task(broker.publish("c", draft(number), KEEP))
    loop.run(6)
    assert numbers(news) == [1, 2]


def test_a_broken_broker_fails_every_question(loop):
    broker = make(loop, 0)
    broker.broken = True
    with pytest.raises(ConnectionError):
        loop.run_until_complete(broker.members("c"))
