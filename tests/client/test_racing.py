"""Two sockets that race: the first that brings something stays, and whatever becomes of the other is not told."""

import pytest
from tests.client.lines import elapse

from everywire.client.racing import Race
from everywire.errors import HandshakeError
from everywire.testing.clock import VirtualLoop


class Runner:
    """A dial and its socket; it opens after `delay` seconds, or fails with `error`."""

    def __init__(self, delay=0.1, error=None):
        self.delay, self.error = delay, error
        self.sent, self.cut, self.closed, self.dialled = [], False, None, False

    async def __call__(self, heard, down):
        self.heard, self.down, self.dialled = heard, down, True
        await elapse(self.delay)
        if self.error is not None:
            raise self.error
        return self

    def send(self, message):
        self.sent.append(message)

    def abort(self):
        self.cut = True
        self.down(1006, "")

    async def close(self, code=1000, reason=""):
        self.closed = code


class Course:
    """A race of two under way, and what its owner is told."""

    def __init__(self, loop, second=None):
        self.loop = loop
        self.first, self.second = Runner(), second or Runner()
        self.heard, self.downs, self.won = [], [], []
        loop.run_until_complete(self.begin())

    async def begin(self):
        self.race = Race(self.heard.append, lambda *end: self.downs.append(end), self.second, self.won.append)
        await self.race.open(self.first, 2.0)
        self.race.send("hello")


@pytest.fixture
def loop():
    with VirtualLoop() as loop:
        yield loop


@pytest.fixture
def course(loop):
    return Course(loop)


def test_one_that_brings_something_in_time_has_no_rival(course, loop):
    loop.run(1.9)
    course.first.heard("welcome")
    loop.run(60)
    assert (course.second.dialled, course.heard, course.won, course.race.silent) == (False, ["welcome"], [0], False)


def test_a_rival_takes_the_place_of_one_that_brings_nothing(course, loop):
    loop.run(2.2)
    assert (course.second.sent, course.race.silent) == (["hello"], True)
    course.second.heard("welcome")
    course.race.send("more")
    course.first.heard("late")
    assert (course.first.cut, course.first.sent, course.second.sent) == (True, ["hello"], ["hello", "more"])
    assert (course.heard, course.won, course.downs) == (["welcome"], [1], [])


@pytest.mark.parametrize("seconds", [2.05, 2.2], ids=["dialling", "open"])
def test_the_first_may_still_win(course, loop, seconds):
    loop.run(seconds)
    course.race.send("more")
    course.first.heard("welcome")
    loop.run(1)
    assert (course.heard, course.won, course.first.sent) == (["welcome"], [0], ["hello", "more"])
    assert course.second.cut or course.second.sent == []
    course.race.send("after")
    assert "after" in course.first.sent
    assert "after" not in course.second.sent


def test_what_comes_before_a_socket_says_that_it_is_open_is_heard(course, loop):
    loop.run(2.05)
    course.second.heard("welcome")
    loop.run(1)
    course.race.send("more")
    assert (course.heard, course.second.sent, course.first.cut) == (["welcome"], ["hello", "more"], True)


def test_a_rival_that_fails_changes_nothing(loop):
    course = Course(loop, Runner(error=HandshakeError("no line", 404)))
    loop.run(3)
    assert course.downs == []
    course.first.heard("welcome")
    assert course.heard == ["welcome"]


def test_it_is_down_when_neither_is_left(course, loop):
    loop.run(2.2)
    course.first.down(1006, "cut")
    assert course.downs == []
    course.second.down(1006, "cut as well")
    assert course.downs == [(1006, "cut as well")]


def test_one_that_is_cut_while_its_rival_is_dialled_is_down_where_that_fails(loop):
    course = Course(loop, Runner(error=HandshakeError("no line", 404)))
    loop.run(2.05)
    course.first.down(1006, "cut")
    assert course.downs == []
    loop.run(1)
    assert course.downs == [(1006, "no line")]


def test_a_server_that_says_no_ends_the_race(course, loop):
    loop.run(2.2)
    course.first.down(4403, "not here")
    assert (course.downs, course.second.cut) == ([(4403, "not here")], True)


@pytest.mark.parametrize(("later", "code"), [(1, 1006), (11, 4409)])
def test_a_session_that_went_on_with_the_loser_may_be_fetched_back(course, loop, later, code):
    loop.run(2.2)
    course.second.heard("welcome")
    loop.run(later)
    course.second.down(4409, "the session was continued elsewhere")
    assert [end[0] for end in course.downs] == [code]


def test_who_gives_up_cuts_both(course, loop):
    loop.run(2.2)
    course.race.abort()
    assert (course.first.cut, course.second.cut, len(course.downs)) == (True, True, 1)


def test_who_gives_up_while_the_rival_is_dialled_hears_nothing_of_it(course, loop):
    loop.run(2.05)
    course.race.abort()
    loop.run(1)
    assert (course.second.sent, len(course.downs)) == ([], 1)


def test_closing_closes_what_runs(course, loop):
    loop.run(2.2)
    loop.run_until_complete(course.race.close())
    assert (course.first.closed, course.second.closed) == (1000, 1000)
