"""History in several answers comes back as one."""

import pytest

from everywire.client.following import Misfit
from everywire.client.pages import collect, read
from everywire.client.wire import Page, Position, Publication


class Channel:
    """A server's channel, which keeps `first` to `last` and answers `room` publications at a time."""

    def __init__(self, first: int, last: int, room: int = 2) -> None:
        self.epoch, self.first, self.last, self.room = "e", first, last, room
        self.asked: list[dict] = []
        self.between: list = []  # what happens after each answer

    async def ask(self, command: dict) -> Page:
        self.asked.append(command)
        since, before = command.get("since"), command.get("before")
        low = since.offset + 1 if since and since.epoch == self.epoch else 0
        high = before.offset if before and before.epoch == self.epoch else self.last + 1
        kept = [n for n in range(self.first, self.last + 1) if low <= n < high]
        wanted = (kept[::-1] if command.get("reverse") else kept)[: command.get("limit")]
        given = [Publication(n, 0, n) for n in wanted[: self.room]]
        page = Page(1, "c", self.epoch, self.last, given, more=len(given) < len(wanted))
        if self.between:
            self.between.pop(0)()
        return page

    def change(self, **what):
        return lambda: self.__dict__.update(what)


def offsets(page: Page) -> list:
    return [each.offset for each in page.publications]


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ({}, [3, 4, 5, 6, 7]),
        ({"limit": 3}, [3, 4, 5]),
        ({"limit": 2}, [3, 4]),
        ({"limit": 0}, []),
        ({"since": Position("e", 5)}, [6, 7]),
        ({"reverse": True}, [7, 6, 5, 4, 3]),
        ({"reverse": True, "limit": 3}, [7, 6, 5]),
        ({"reverse": True, "since": Position("e", 4)}, [7, 6, 5]),
    ],
)
async def test_it_is_what_one_answer_would_have_been(command, expected):
    page = await collect(Channel(3, 7).ask, command)
    assert (offsets(page), page.position, page.more) == (expected, Position("e", 7), False)


async def test_what_is_published_meanwhile_is_after_the_end():
    channel = Channel(3, 7)
    channel.between = [channel.change(last=8)]
    page = await collect(channel.ask, {})
    assert (offsets(page), page.offset) == ([3, 4, 5, 6, 7], 7)
    channel.between = [channel.change(last=9)]
    page = await collect(channel.ask, {"reverse": True})
    assert (offsets(page), page.offset) == ([8, 7, 6, 5, 4, 3], 8)


async def test_it_ends_while_the_log_grows_as_fast_as_it_is_read():
    channel = Channel(3, 20)
    channel.between = [channel.change(last=20 + 2 * n) for n in range(1, 1000)]
    page = await collect(channel.ask, {})
    assert (offsets(page), page.offset, len(channel.asked)) == ([*range(3, 21)], 20, 9)
    channel = Channel(1, 20)
    channel.between = [channel.change(first=1 + n // 2, last=20 + n) for n in range(1, 1000)]
    page = await collect(channel.ask, {})  # and forgets
    assert (offsets(page), page.offset, len(channel.asked)) == ([*range(1, 21)], 20, 10)


async def test_what_replaces_is_as_much_as_was_asked_for():
    channel = Channel(1, 40, room=10)
    channel.between = [channel.change(first=1, last=50, epoch="f")]
    page = await collect(channel.ask, {"limit": 15})
    assert (offsets(page), page.position) == ([*range(1, 16)], Position("f", 50))
    channel = Channel(1, 40, room=10)
    channel.between = [channel.change(first=25)]
    assert offsets(await collect(channel.ask, {"limit": 15})) == [*range(25, 40)]
    channel = Channel(1, 40, room=10)
    channel.between = [channel.change(first=37)]
    assert offsets(await collect(channel.ask, {"limit": 15})) == [37, 38, 39, 40]
    channel = Channel(1, 40, room=10)
    channel.between = [channel.change(epoch="f")]
    assert offsets(await collect(channel.ask, {"limit": 15, "reverse": True})) == [*range(40, 25, -1)]


async def test_what_expired_meanwhile_leaves_no_hole():
    channel = Channel(3, 7)
    channel.between = [channel.change(first=6)]
    assert offsets(await collect(channel.ask, {})) == [6, 7]
    channel = Channel(3, 7)
    channel.between = [channel.change(first=8)]
    page = await collect(channel.ask, {})
    assert (offsets(page), page.offset) == ([], 7)
    channel = Channel(3, 7)
    channel.between = [channel.change(first=6)]
    assert offsets(await collect(channel.ask, {"reverse": True})) == [7, 6]


@pytest.mark.parametrize("reverse", [False, True])
async def test_a_log_that_begins_anew_is_the_one_that_counts(reverse):
    channel = Channel(3, 7)
    channel.between = [channel.change(epoch="f", first=1, last=3)]
    page = await collect(channel.ask, {"reverse": reverse})
    assert (offsets(page), page.position) == ([3, 2, 1] if reverse else [1, 2, 3], Position("f", 3))


@pytest.mark.parametrize(("reverse", "bound"), [(False, "since"), (True, "before")])
async def test_it_asks_on_where_an_answer_had_only_what_is_for_others(reverse, bound):
    answers = [
        Page(1, "c", "e", 9, [], more=True, after=5),
        Page(2, "c", "e", 9, [Publication("x", 0, 7)], more=True, recovered=True),
        Page(3, "c", "e", 9, [], recovered=True),
    ]
    asked = []

    async def ask(command):
        asked.append(command)
        return answers.pop(0)

    page = await collect(ask, {"reverse": reverse})
    assert (offsets(page), page.offset, page.more, page.after) == ([7], 9, False, None)
    assert [command[bound].offset for command in asked[1:]] == [5, 7]


async def later(page):
    return page


async def test_publications_of_a_page_say_their_channel_and_are_of_the_type():
    found = await read(later(Page(1, "c", "e", 2, [Publication("1", 5, 1), Publication(removed=True)])), str)
    assert [(each.channel, each.data, each.offset) for each in found.publications] == [("c", "1", 1), ("c", None, None)]
    with pytest.raises(Misfit) as misfit:
        await read(later(Page(1, "c", "e", 2, [Publication("1", 5, 1)])), int)
    assert (misfit.value.publication.offset, misfit.value.channel) == (1, "c")
