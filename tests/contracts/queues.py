"""What every broker has to do with queues; subclassed beside `BrokerContract`, which sets it up."""

from typing import Any

from tests.contracts.broker import draft

from everywire.brokers.base import Broker, Filled, Holding, Pulled, Pushed
from everywire.messages import Member, Raw

HOLDING = Holding(2, 60.0)


class QueueContract:
    """The suite of queues; `run` and `wait` as in `BrokerContract`."""

    broker: Broker
    news: list[Any]
    run: Any
    wait: Any
    publish: Any
    position: Any

    def push(self, number: int, queue: str = "q", holding: Holding = HOLDING) -> Pushed:
        return self.run(self.broker.push(queue, draft(number), holding))

    def pull(self, ticket: str, queue: str = "q") -> Pulled:
        return self.run(self.broker.pull(queue, ticket))

    def pulled(self, ticket: str, queue: str = "q") -> int | None:
        publication = self.pull(ticket, queue).publication
        return None if publication is None else int(bytes(publication.data))

    def test_what_is_pushed_is_pulled_in_its_order_once(self):
        assert [self.push(n).taken for n in (1, 2)] == [True, True]
        assert [self.pulled("a1"), self.pulled("b1"), self.pulled("a2")] == [1, 2, None]

    def test_queues_are_apart_and_no_channels(self):
        self.push(1)
        assert self.pulled("r1", queue="other") is None
        assert self.position().offset == 0
        publication = self.pull("r1").publication
        assert publication is not None
        assert (publication.channel, publication.position) == ("q", None)
        assert isinstance(publication.sender, Member)

    def test_a_queue_that_is_full_takes_nothing(self):
        assert [self.push(n).taken for n in (1, 2, 3)] == [True, True, False]
        self.pull("r1")
        assert self.push(4).taken
        assert [self.pulled("r2"), self.pulled("r3"), self.pulled("r4")] == [2, 4, None]

    def test_what_nobody_takes_in_time_is_lost_and_told_once(self):
        self.push(1)
        self.wait(40)
        self.push(2)
        self.wait(30)
        assert self.push(3) == Pushed(taken=True, expired=1)
        self.wait(40)
        assert self.pull("r1").expired == 1
        assert self.pull("r2") == Pulled(None)

    def test_who_asks_again_is_given_the_same(self):
        self.push(1)
        self.push(2)
        assert [self.pulled("r1"), self.pulled("r1"), self.pulled("r2"), self.pulled("r3")] == [1, 1, 2, None]

    def test_what_is_put_back_is_the_first_again(self):
        self.push(1)
        self.push(2)
        assert self.pulled("a1") == 1
        self.run(self.broker.put_back("q", "a7"))
        self.run(self.broker.put_back("q", "a1"))
        self.run(self.broker.put_back("q", "a1"))
        assert [self.pulled("b1"), self.pulled("b2"), self.pulled("b3")] == [1, 2, None]

    def test_who_watches_is_told_when_there_is_something_in_an_empty_queue(self):
        self.run(self.broker.watch("q"))
        self.push(1)
        self.push(2)
        self.run(self.broker.publish("other", draft(1), None))
        assert self.news == [Filled("q")]
        self.pull("r1")
        self.pull("r2")
        self.run(self.broker.put_back("q", "r2"))
        self.run(self.broker.pull("q", "r3"))
        assert self.news == [Filled("q"), Filled("q")]

    def test_publications_of_a_channel_come_into_the_queues_that_are_bound_to_it(self):
        self.run(self.broker.bind("q", "c", HOLDING, 60.0))
        self.run(self.broker.bind("p", "c", HOLDING, 60.0))
        self.run(self.broker.unbind("p", "c"))
        self.publish(1)
        self.run(self.broker.publish("c", draft(2), None))
        self.publish(3)
        first = self.pull("r1")
        assert first.publication is not None
        assert (first.publication.channel, first.publication.data, first.full) == ("c", Raw(b"1"), 1)
        assert [self.pulled("r2"), self.pulled("r3"), self.pulled("r1", queue="p")] == [2, None, None]

    def test_what_is_bound_is_bound_for_its_time(self):
        self.run(self.broker.bind("q", "c", HOLDING, 60.0))
        self.wait(70)
        self.publish(1)
        assert self.pulled("r1") is None

    def test_queues_are_forgotten_by_their_prefix(self):
        for queue in ("qa", "qb", "p"):
            self.push(1, queue)
        self.run(self.broker.bind("qc", "c", HOLDING, 60.0))
        self.run(self.broker.purge("q"))
        self.publish(2)
        assert [self.pulled("r1", queue=queue) for queue in ("qa", "qb", "qc", "p")] == [None, None, None, 1]
