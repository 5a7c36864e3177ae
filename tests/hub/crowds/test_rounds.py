"""A question to all nodes, and their answers."""

import msgspec
import pytest
from tests.hub.crowds.nodes import Crowd

from everywire.errors import Refused
from everywire.hub.world import pause


class Asked(msgspec.Struct):
    number: int


class Part(msgspec.Struct):
    word: str


class Nodes(Crowd):
    """Nodes that answer a question by what `words` has for each, in parts; None says nothing."""

    def __init__(self, *words):
        super().__init__(len(words))
        self.heard = []
        for number, said in enumerate(words):
            hub = self.node(number).hub
            hub.notes.add(
                "question", Asked, lambda asked, node, hub=hub, said=said: self.answer(hub, asked, node, said)
            )

    def answer(self, hub, asked, node, said):
        async def say():
            for place, word in enumerate(said or ()):
                await hub.crowds.rounds.say(node, asked.number, Part(word), last=place == len(said) - 1)

        hub.world.task(say())

    def ask(self, take=None, within=3.0, number=0):
        hub = self.node(number).hub
        names = {each.app.hub.node: number for number, each in enumerate(self.nodes)}
        take = take or (lambda node, part: self.heard.append((names[node], part.word)))
        return self.get(
            hub.crowds.rounds.hold(lambda number: hub.notes.tell("question", Asked(number)), Part, take, within)
        )


def test_all_nodes_answer_in_parts_and_nobody_is_waited_for_longer():
    with Nodes("a", "bc", "d") as nodes:
        assert (nodes.ask(), nodes.took) == ((3, 0), 0.0)
        assert sorted(nodes.heard) == [(0, "a"), (1, "b"), (1, "c"), (2, "d")]


def test_who_is_at_it_for_too_long_is_silent_and_heard_no_more():
    with Nodes("a", "b", None) as nodes, nodes.node(2).hub.crowds.rounds.at_it(nodes.node().hub.node, 1):
        assert (nodes.ask(), nodes.took) == ((2, 1), 3.0)
        rounds = nodes.node().hub.crowds.rounds
        nodes.get(nodes.node(2).hub.crowds.rounds.say(nodes.node().hub.node, 1, Part("late")))
        nodes.run(0.1)
        assert sorted(nodes.heard) == [(0, "a"), (1, "b")]
        assert rounds._open == {}


def test_who_is_there_and_not_at_it_is_waited_for_no_longer():
    with Nodes("a", "b", None) as nodes:
        assert (nodes.ask(), nodes.took) == ((2, 1), 1.0)


def test_who_hears_nothing_is_waited_for_until_the_deadline():
    with Nodes("a", "b", "c") as nodes:
        nodes.node(2).hub.notes.take = lambda data: None
        assert (nodes.ask(), nodes.took) == ((2, 1), 3.0)


def test_who_is_at_it_is_waited_for_however_often_it_is_looked():
    with Nodes("a", None) as nodes:
        hub = nodes.node(1).hub

        async def slowly():
            with hub.crowds.rounds.at_it(nodes.node().hub.node, 1):
                await pause(hub.world, 4.5)
                await hub.crowds.rounds.say(nodes.node().hub.node, 1, Part("b"))

        hub.world.task(slowly())
        assert (nodes.ask(within=10.0), nodes.took) == ((2, 0), 4.5)
        assert hub.crowds.rounds._busy == set()


def test_without_its_broker_a_node_cannot_look_and_waits_until_the_deadline():
    with Nodes("a", None) as nodes:
        nodes.loop.call_later(0.5, nodes.cut, 0)
        assert nodes.ask().nodes == 1
        assert nodes.took == 3.0


def test_what_is_said_after_the_last_part_counts_no_more():
    with Nodes("a", "b", None) as nodes:
        hub = nodes.node().hub

        def again(node, part):
            nodes.heard.append(part.word)
            if part.word == "b":
                hub.world.task(nodes.node(1).hub.crowds.rounds.say(hub.node, 1, Part("b again")))

        assert nodes.ask(again) == (2, 1)
        assert sorted(nodes.heard) == ["a", "b"]


def test_a_node_whose_link_is_lost_is_silent_and_not_waited_for():
    with Nodes("a", "b", "c") as nodes:
        nodes.ask()
        nodes.cut(2)
        assert (nodes.ask(), nodes.took) == ((2, 1), 0.0)


def test_a_refusal_ends_it_at_once():
    def refuse(node, part):
        raise Refused("enough", 108)

    with Nodes("a", None) as nodes:
        with pytest.raises(Refused, match="enough"):
            nodes.ask(refuse)
        assert nodes.took == 0.0
        assert nodes.node().hub.crowds.rounds._open == {}


def test_who_gives_up_leaves_nothing():
    with Nodes("a", None) as nodes:
        hub = nodes.node().hub
        asked = hub.world.task(
            hub.crowds.rounds.hold(lambda number: hub.notes.tell("question", Asked(number)), Part, print, 3.0)
        )
        nodes.run(0.1)
        asked.cancel()
        nodes.run(0.1)
        assert hub.crowds.rounds._open == {}


def test_an_answer_that_cannot_be_told_is_logged_and_harms_nobody(caplog):
    with Nodes("a", "b") as nodes:
        nodes.cut(1)
        nodes.get(nodes.node(1).hub.crowds.rounds.say(nodes.node().hub.node, 1, Part("b")))
        assert "not answered" in caplog.text


def test_a_part_of_another_shape_is_passed_over():
    with Nodes("a", None) as nodes:
        hub = nodes.node().hub

        class Other(msgspec.Struct):
            number: int

        hub.world.later(0.1, lambda: hub.world.task(nodes.node(1).hub.crowds.rounds.say(hub.node, 1, Other(1))))
        assert nodes.ask() == (1, 1)
        assert nodes.heard == [(0, "a")]
