"""Places, against a model that works out everything anew from what was done."""

import random
from dataclasses import dataclass, field
from itertools import count

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from everywire.brokers.base import Seat
from everywire.brokers.memory.occurrences import Occurrences
from everywire.brokers.memory.places import Places
from everywire.messages import Joined, Left, Member
from everywire.metrics import Metrics

LEASE, GRACE = 3.0, 2.0
USERS = {"s1": "ann", "s2": "ann", "s3": "ben", "s4": None}


@dataclass
class Model:
    """One channel in the plainest way: every question goes over everything, a tenth of a second at a time."""

    users: bool
    grace: float
    places: dict[str, str] = field(default_factory=dict)  # session: holder
    leases: dict[str, float] = field(default_factory=dict)
    gone: dict[str, float] = field(default_factory=dict)  # member: when its last place ended
    there: set[str] = field(default_factory=set)
    told: list[tuple[str, str]] = field(default_factory=list)

    def name(self, session: str) -> str:
        return (USERS[session] if self.users else None) or session

    def enter(self, now: float, session: str, holder: str) -> None:
        self.leases[holder] = now + LEASE
        self.places[session] = holder
        self.gone.pop(self.name(session), None)
        if self.name(session) not in self.there:
            self.there.add(self.name(session))
            self.told.append(("join", self.name(session)))

    def exit(self, now: float, session: str, holder: str) -> None:
        if self.places.get(session) == holder:
            del self.places[session]
            self._part(session, now)

    def _part(self, session: str, when: float) -> None:
        if not any(self.name(other) == self.name(session) for other in self.places):
            self.gone[self.name(session)] = when

    def settle(self, now: float) -> None:
        for holder in [each for each, ends in self.leases.items() if ends <= now]:
            ended = self.leases.pop(holder)
            for session in [each for each, by in self.places.items() if by == holder]:
                del self.places[session]
                self._part(session, ended)
        for name in [each for each, when in self.gone.items() if when + self.grace <= now]:
            del self.gone[name]
            self.there.discard(name)
            self.told.append(("leave", name))


class Run:
    """The real thing and the model, side by side."""

    def __init__(self, users: bool, grace: float) -> None:
        self.time, terms = 0, count()  # in tenths of a second
        self.users, self.grace = users, grace
        self.news: list[Joined | Left] = []
        self.occurrences = Occurrences(Metrics())
        self.places = Places(lambda: self.time / 10, lambda: f"t{next(terms)}", self.news.append, self.occurrences)
        self.model = Model(users, grace)

    def step(self, kind: str, session: str, holder: str, pause: int) -> None:
        now = self.time / 10
        match kind:
            case "enter":
                seat = Seat(Member(session, USERS[session]), holder, self.users, self.grace, told=True)
                self.places.enter("c", seat, LEASE)
                self.model.enter(now, session, holder)
            case "exit":
                self.places.exit("c", session, holder)
                self.model.exit(now, session, holder)
            case "renew":
                self.places.renew(holder, LEASE)
                if holder in self.model.leases:
                    self.model.leases[holder] = now + LEASE
            case _:
                for _ in range(pause):
                    self.time += 1
                    self.model.settle(self.time / 10)
                self.places.settle()
        self.model.settle(now)

    def compare(self) -> None:
        model, listed = self.model, self.places.members("c")
        assert {model.name(member.session) for member in listed} == model.there
        by = {name: [each for each in model.places if model.name(each) == name] for name in model.there}
        assert {model.name(m.session): m.tabs for m in listed} == {name: max(1, len(by[name])) for name in by}
        said = [
            ("join" if isinstance(news, Joined) else "leave", model.name(news.member.session)) for news in self.news
        ]
        # What ends in the same moment may be told in any order.
        assert sorted(said) == sorted(model.told)
        for name in {name for _, name in said}:
            turns = [what for what, who in said if who == name]
            assert turns == ["join", "leave"] * (len(turns) // 2) + ["join"] * (len(turns) % 2)


STEPS = st.lists(
    st.tuples(
        st.sampled_from(("enter", "enter", "exit", "renew", "wait", "wait")),
        st.sampled_from([*USERS]),
        st.sampled_from(("one", "two")),
        st.integers(1, 40),
    ),
    max_size=40,
)


@given(STEPS, st.booleans(), st.sampled_from((0.0, GRACE)))
@settings(max_examples=300, deadline=None)
def test_places_are_what_the_model_says(steps, users, grace):
    run = Run(users, grace)
    for step in steps:
        run.step(*step)
        run.compare()


@pytest.mark.slow
@pytest.mark.parametrize("users", [False, True])
def test_ten_thousand_drawn_runs(users):
    for seed in range(10_000):
        dice = random.Random(seed)
        run = Run(users, dice.choice((0.0, GRACE)))
        for _ in range(30):
            kind = dice.choice(("enter", "enter", "exit", "renew", "wait", "wait"))
            run.step(kind, dice.choice([*USERS]), dice.choice(("one", "two")), dice.randint(1, 40))
        run.compare()


@given(STEPS)
@settings(max_examples=100, deadline=None)
def test_what_is_learnt_is_what_was_told(steps):
    run = Run(users=True, grace=GRACE)
    learnt = []
    for step in steps:
        run.step(*step)
        while taken := run.occurrences.claim("app", 1):
            learnt.append(taken[0])
            run.occurrences.done("app", "c", taken[0].sequence)
    said = [("join" if isinstance(news, Joined) else "leave", news.member) for news in run.news]
    assert [(each.kind, each.member) for each in learnt if each.member is not None] == said
    open_, here = False, set()
    for each in learnt:  # the first opens the channel, the last closes it
        if each.kind in ("occupied", "vacated"):
            assert open_ == (each.kind == "vacated")
            assert not here
            open_ = not open_
        else:
            assert open_
            here ^= {each.member.session}


class Timers:
    """Timers that fire by hand."""

    def __init__(self) -> None:
        self.armed: list[Timer] = []

    def later(self, delay, action):
        self.armed.append(timer := Timer(self.armed, delay, action))
        return timer

    def fire(self):
        self.armed.pop().action()

    @property
    def delays(self):
        return [timer.delay for timer in self.armed]


@dataclass(eq=False)
class Timer:
    armed: list
    delay: float
    action: object

    def cancel(self):
        self.armed.remove(self)


def test_one_timer_is_armed_while_anything_can_end():
    now, terms, timers, news = [0.0], count(), Timers(), []
    places = Places(lambda: now[0], lambda: f"t{next(terms)}", news.append, Occurrences(Metrics()), timers.later)
    assert timers.armed == []
    places.enter("c", Seat(Member("s1"), "one", grace=1.0), 3.0)
    places.enter("c", Seat(Member("s2"), "two"), 2.0)
    assert timers.delays == [2.0]
    now[0] = 2.0
    timers.fire()
    assert timers.delays == [1.0]
    places.clear()
    assert timers.armed == []


def test_a_timer_that_comes_too_early_is_armed_again():
    now, terms, timers, news = [0.0], count(), Timers(), []
    places = Places(lambda: now[0], lambda: f"t{next(terms)}", news.append, Occurrences(Metrics()), timers.later)
    places.enter("c", Seat(Member("s1"), "one"), 3.0)
    now[0] = 2.0
    places.renew("one", 3.0)
    assert timers.delays == [3.0]
    now[0] = 3.0
    timers.fire()
    assert timers.delays == [2.0]
    assert len(news) == 1


def test_nothing_is_left_of_who_is_gone():
    now, terms = [0.0], count()
    places = Places(lambda: now[0], lambda: f"t{next(terms)}", lambda news: None, Occurrences(Metrics()))
    for number in range(100):
        places.enter(f"c{number % 7}", Seat(Member(f"s{number}", f"u{number % 11}"), f"h{number % 3}", grace=1.0), 3.0)
    for number in range(0, 100, 2):
        places.exit(f"c{number % 7}", f"s{number}", f"h{number % 3}")
    now[0] = 10.0
    places.settle()
    assert (places._channels, places._holders, places._leaving) == ({}, {}, [])
