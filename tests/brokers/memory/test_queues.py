"""Queues in memory: what is kept for those who ask again is bounded. The rest is in the contract of all brokers."""

from everywire.brokers.base import Holding
from everywire.brokers.memory import queues
from everywire.brokers.memory.queues import Queues
from everywire.messages import Publication, Raw

HOLDING = Holding(10, 60.0)


def made():
    return Queues(lambda: 0.0, lambda _: None)


def publication(size=1):
    return Publication("c", Raw(b"1" * size), 1)


def test_few_tickets_are_remembered(monkeypatch):
    monkeypatch.setattr(queues, "_TICKETS", 2)
    kept = made()
    for ticket in "abc":
        kept.push("q", publication(), HOLDING)
        kept.pull("q", ticket)
    kept.push("q", Publication("c", Raw(b"2"), 1), HOLDING)
    assert kept.pull("q", "b").publication == publication()
    assert kept.pull("q", "a").publication != publication()


def test_large_publications_are_not_kept_for_tickets(monkeypatch):
    monkeypatch.setattr(queues, "_TICKET_BYTES", 10)
    kept = made()
    kept.push("q", publication(20), HOLDING)
    assert kept.pull("q", "a").publication == publication(20)
    assert kept.pull("q", "a").publication is None
    kept.put_back("q", "a")
    assert kept.pull("q", "b").publication is None


def test_queues_that_nobody_comes_to_any_more_are_forgotten_and_what_was_lost_with_them_is_told(monkeypatch):
    monkeypatch.setattr(queues, "_FEW", 10)
    now = 0.0
    kept = Queues(lambda: now, lambda _: None)
    lost = {}
    for number in range(100):
        lost.update(kept.push(f"q{number}", publication(), Holding(10, 5.0)).elsewhere)
        kept.bind(f"b{number}", f"c{number}", HOLDING, 5.0)
        now += 1.0
    assert len(kept._queues) < 20
    assert len(kept._bound) < 20
    assert len(lost) > 80
    assert set(lost.values()) == {1}


def test_nothing_is_left_after_a_clearing():
    kept = made()
    kept.push("q", publication(), HOLDING)
    kept.bind("q", "c", HOLDING, 60.0)
    kept.clear()
    kept.publish(publication())
    assert kept.pull("q", "a").publication is None
