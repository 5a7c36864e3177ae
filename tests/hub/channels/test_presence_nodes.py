"""Presence over several nodes: who is listed is who is there, whoever is killed, cut off or comes back."""

import random

import pytest
from tests.hub.nodes import SharedNodes

from everywire.app import Everywire
from everywire.hub.settings import Settings
from everywire.messages import Heartbeat
from everywire.testing import Net

GRACE = 2.0
SETTINGS = Settings(linger=1.0, heartbeat=Heartbeat(8.0, 2.0))


class Nodes(SharedNodes):
    """Nodes that write down who they learn came and went."""

    def __init__(self, count, settings=SETTINGS):
        self.learnt, self.dead, self.settings = [], set(), settings
        super().__init__(count)

    def node(self, number):
        app = Everywire(broker=self.shared.view, settings=self.settings, secret="a secret of some length")
        app.channel("room:{name}", presence="users", leave_after=GRACE)
        app.on_connect(lambda connecting: connecting.token)
        app.on_join("room:{name}")(lambda change: self.learnt.append(("join", change.member.user)))
        app.on_leave("room:{name}")(lambda change: self.learnt.append(("leave", change.member.user)))
        return Net(app, number, loop=self.loop)

    def kill(self, number):
        self.dead.add(number)
        super().kill(number)

    @property
    def living(self):
        return [net for number, net in enumerate(self.nets) if number not in self.dead]

    def listed(self, channel="room:1"):
        members = self.loop.run_until_complete(self.shared.inner.members(channel))
        return {member.user: member.tabs for member in members}


def tab(net, user, resume=None):
    client = net.connect(token=user, **({"resume": resume} if resume else {}))
    client.subscribe("room:1")
    return client


def counts(events, kind):
    found = {}
    for event in events:
        if event["type"] == kind:
            user = event["member"]["user"]
            found[user] = found.get(user, 0) + 1
    return found


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3))
def test_two_of_four_nodes_are_killed_under_200_users_with_three_tabs(seed):
    dice = random.Random(seed)
    quiet = Settings(linger=1.0, heartbeat=Heartbeat(1e6, 10))
    with Nodes(4, quiet) as nodes:
        watcher = tab(nodes.nets[0], "watcher")
        tabs = {f"user {n}": [(dice.randrange(4), None)] * 0 for n in range(200)}
        for user in tabs:
            for _ in range(3):
                home = dice.randrange(4)
                tabs[user].append((home, tab(nodes.nets[home], user)))
        nodes.run(1)
        assert nodes.listed() == dict.fromkeys(tabs, 3) | {"watcher": 1}
        assert counts(watcher.events(), "join") == dict.fromkeys(tabs, 1)
        for number in (2, 3):
            nodes.kill(number)
        back, gone = set(), set()
        for user, held in tabs.items():
            if all(home in (2, 3) for home, _ in held):
                (back if dice.random() < 0.5 else gone).add(user)
        nodes.run(1)
        for user in back:  # inside the debounce, some continued and some anew
            resume = tabs[user][0][1].resume if dice.random() < 0.5 else None
            tab(dice.choice(nodes.nets[:2]), user, resume)
        nodes.run(SETTINGS.lease + GRACE - 1 + 0.2)
        truth = {user: sum(home < 2 for home, _ in held) for user, held in tabs.items() if user not in back | gone}
        assert back
        assert gone
        assert nodes.listed() == truth | dict.fromkeys(back, 1) | {"watcher": 1}
        told = watcher.events()
        assert counts(told, "leave") == dict.fromkeys(gone, 1)
        assert counts(told, "join") == {}
        nodes.run(5)
        assert sorted(nodes.learnt) == sorted(
            [("join", user) for user in tabs] + [("join", "watcher")] + [("leave", user) for user in gone]
        )


def test_members_of_a_killed_node_are_gone_within_five_seconds():
    with Nodes(2) as nodes:
        for user in ("ann", "ben"):
            tab(nodes.nets[1], user)
        tab(nodes.nets[0], "cat")
        nodes.run(0.9)
        nodes.kill(1)
        nodes.run(5)
        assert nodes.listed() == {"cat": 1}


def test_a_half_open_connection_is_noticed_in_time():
    """Its client says nothing any more, and no end of it ever comes."""
    with Nodes(2) as nodes:
        silent, watcher = tab(nodes.nets[0], "silent"), tab(nodes.nets[1], "watcher")
        gone_at = None
        for second in range(20):
            nodes.run(1)
            watcher.send("pong")
            if "silent" not in nodes.listed() and gone_at is None:
                gone_at = second + 1
        assert silent.closed == (4408, "no answer to a ping")
        # an interval and the patience until it is seen, then its linger, then the debounce
        assert gone_at is not None
        assert gone_at <= 8 + 2 + 1 + GRACE + 1
        assert counts(watcher.events(), "leave") == {"silent": 1}


def test_a_node_that_was_cut_off_enters_its_places_again():
    with Nodes(2) as nodes:
        watcher = tab(nodes.nets[0], "watcher")
        ann = tab(nodes.nets[1], "ann")
        nodes.shared.views[1].cut()
        nodes.run(SETTINGS.lease + GRACE + 0.5)
        assert nodes.listed() == {"watcher": 1}
        nodes.shared.views[1].heal()
        nodes.run(1.2)
        assert nodes.listed() == {"watcher": 1, "ann": 1}
        assert ann.closed is None
        told = watcher.events()
        assert (counts(told, "join"), counts(told, "leave")) == ({"ann": 2 - 1 + 1}, {"ann": 1})


def test_a_short_cut_is_not_noticed_by_anybody():
    with Nodes(2) as nodes:
        watcher = tab(nodes.nets[0], "watcher")
        tab(nodes.nets[1], "ann")
        nodes.run(0.1)
        watcher.events()
        nodes.shared.views[1].cut()
        nodes.run(SETTINGS.lease + GRACE - 2)  # longer than the lease, but not than that and the debounce
        nodes.shared.views[1].heal()
        nodes.run(6)
        assert nodes.listed() == {"watcher": 1, "ann": 1}
        told = watcher.events()
        assert (counts(told, "join"), counts(told, "leave")) == ({}, {})


def test_a_leave_that_could_not_be_said_is_said_later(caplog):
    with Nodes(2) as nodes:
        tab(nodes.nets[0], "watcher")
        stays, goes = tab(nodes.nets[1], "stays"), tab(nodes.nets[1], "goes")
        exit_ = nodes.nets[1].app.hub.broker.exit

        async def fail(*what):
            raise ConnectionError("gone")

        nodes.nets[1].app.hub.broker.exit = fail
        goes.drop(1000)
        nodes.run(4)
        assert "goes" in nodes.listed()
        nodes.nets[1].app.hub.broker.exit = exit_
        nodes.run(1.1 + GRACE)
        assert nodes.listed() == {"watcher": 1, "stays": 1}
        assert stays.closed is None


def test_who_comes_back_before_that_is_not_sent_away():
    with Nodes(1) as nodes:
        net = nodes.nets[0]
        ann = tab(net, "ann")
        exit_ = net.app.hub.broker.exit

        async def fail(*what):
            raise ConnectionError("gone")

        net.app.hub.broker.exit = fail
        ann.ask("unsubscribe", channel="room:1")
        net.app.hub.broker.exit = exit_
        ann.subscribe("room:1")
        nodes.run(5)
        assert nodes.listed() == {"ann": 1}
        assert net.app.hub.places._owed == {}


def test_presence_counts_users_and_their_sessions():
    with Nodes(2) as nodes:
        ann, too, ben = tab(nodes.nets[0], "ann"), tab(nodes.nets[1], "ann"), tab(nodes.nets[1], "ben")
        answer = ben.ask("presence", channel="room:1")
        assert (answer["sessions"], answer["users"]) == (3, 2)
        assert [(m["user"], m.get("tabs", 1)) for m in answer["members"]] == [("ann", 2), ("ben", 1)]
        brief = ben.ask("presence", channel="room:1", brief=True)
        assert (brief["members"], brief["sessions"], brief["users"]) == ([], 3, 2)
        for client in (ann, too, ben):
            client.events()
        ann.drop(1000)
        nodes.run(GRACE + 1)
        assert ben.events("leave") == []
        too.drop(1000)
        nodes.run(GRACE + 1)
        assert [event["member"]["session"] for event in ben.events("leave")] == [ann.session]
