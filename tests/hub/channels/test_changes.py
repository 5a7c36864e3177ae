"""What the application learns of comings and goings: everything, in order, once as a rule, whoever dies."""

from itertools import pairwise

import pytest

from everywire.app import Everywire
from everywire.brokers.memory import MemoryBroker
from everywire.hub.channels.changes import Change
from everywire.hub.settings import Settings
from everywire.messages import Member
from everywire.testing import Net, SharedBroker, VirtualLoop, passed


def hear(app, learnt, pattern="room:{name}"):
    """Write down all four kinds of change."""

    def write(change):
        learnt.append((change.kind, change.channel, change.member and change.member.user))

    for on in (app.on_join, app.on_leave, app.on_occupied, app.on_vacated):
        on(pattern)(write)


def make(broker=None, **options):
    app = Everywire(settings=Settings(linger=2), broker=broker)
    app.channel("room:{name}", presence="users", **options)
    app.channel("quiet:{name}", presence=True)
    app.on_connect(lambda connecting: connecting.token)
    return app


def test_the_application_learns_who_comes_and_goes():
    app, learnt = make(), []
    hear(app, learnt)
    with Net(app) as net:
        ann, ben = net.connect(token="ann"), net.connect(token="ben")
        for client in (ann, ben, net.connect(token="ann")):
            client.subscribe("room:1")
            client.subscribe("quiet:1")
        ben.ask("unsubscribe", channel="room:1")
        net.run(2)
        assert learnt == [
            ("occupied", "room:1", None),
            ("join", "room:1", "ann"),
            ("join", "room:1", "ben"),
            ("leave", "room:1", "ben"),
        ]


def test_a_change_says_where_and_who_and_when():
    app, learnt = make(), []
    app.on_join("room:{name}")(learnt.append)
    with Net(app) as net:
        ann = net.connect(token="ann")
        ann.subscribe("room:kitchen")
        net.run()
        assert learnt == [Change("join", "room:kitchen", {"name": "kitchen"}, Member(ann.session, "ann"), 2)]


def test_a_hook_for_channels_without_presence_is_a_mistake():
    app = Everywire()
    app.on_join("plain")(print)
    app.channel("plain")
    with pytest.raises(ValueError, match=r"has presence; declare app.channel\('plain', presence=True\)"):
        Net(app)
    app = make()
    app.on_join("rom:{name}")(print)
    with pytest.raises(ValueError, match=r"has presence; did you mean 'room:\{name\}'\?"):
        Net(app)


def test_there_is_one_hook_for_one_thing():
    app = make()
    app.on_join("room:{name}")(print)
    with pytest.raises(ValueError, match="already"):
        app.on_join("room:{name}")


def test_a_slow_hook_keeps_the_order_of_its_channel_and_no_other_waits():
    app, learnt = make(), []

    async def slow(change):
        await passed(3 if change.channel == "room:1" else 0)
        learnt.append((change.kind, change.channel))

    app.on_join("room:{name}")(slow)
    app.on_leave("room:{name}")(lambda change: learnt.append((change.kind, change.channel)))
    with Net(app) as net:
        ann = net.connect(token="ann")
        for channel in ("room:1", "room:2"):
            ann.subscribe(channel)
            ann.ask("unsubscribe", channel=channel)
        net.run(1)
        assert learnt == [("join", "room:2"), ("leave", "room:2")]
        net.run(3)
        assert learnt[2:] == [("join", "room:1"), ("leave", "room:1")]


def test_a_hook_that_fails_is_tried_again_in_order():
    app, learnt, tries = make(), [], []

    @app.on_join("room:{name}")
    def fail_twice(change):
        tries.append(net.loop.time())
        if len(tries) < 3:
            raise ConnectionError("no database")
        learnt.append("join")

    app.on_leave("room:{name}")(lambda change: learnt.append("leave"))
    with Net(app) as net:
        ann = net.connect(token="ann")
        ann.subscribe("room:1")
        ann.ask("unsubscribe", channel="room:1")
        net.run(5)
        assert learnt == ["join", "leave"]
        assert [round(later - before, 3) for before, later in pairwise(tries)] == [0.5, 1.0]


def test_a_hook_that_fails_for_good_is_passed_over(caplog):
    app, learnt = make(), []
    app.on_join("room:{name}")(lambda change: 1 / 0)
    app.on_leave("room:{name}")(lambda change: learnt.append("leave"))
    with Net(app) as net:
        ann = net.connect(token="ann")
        ann.subscribe("room:1")
        ann.ask("unsubscribe", channel="room:1")
        net.run(20)
        assert learnt == ["leave"]
        assert app.metrics.changes_dropped == 1
        assert "failed 5 times" in caplog.text


def test_only_so_many_hooks_are_under_way():
    app, busy, most = Everywire(settings=Settings(max_changes=3)), [], [0]
    app.channel("room:{name}", presence=True)

    @app.on_join("room:{name}")
    async def slow(change):
        busy.append(change.channel)
        most[0] = max(most[0], len(busy))
        await passed(1)
        busy.remove(change.channel)

    with Net(app) as net:
        ann = net.connect()
        for number in range(20):
            ann.subscribe(f"room:{number}")
        net.run(3)
        assert most == [3]
        net.run(10)
        assert busy == []
        assert net.app.hub.broker._occurrences.claim("n", 99) == ()


class Two:
    """Two nodes with one broker, each of them writing down what it learns."""

    def __init__(self, hook=None):
        self.loop = VirtualLoop()
        self.shared = SharedBroker()
        self.learnt = []
        self.nets = [Net(self._app(n, hook), n, loop=self.loop) for n in (1, 2)]

    def _app(self, number, hook):
        app = make(self.shared.view)

        async def write(change):
            if hook is not None:
                await hook(number, change)
            self.learnt.append((number, change.kind, change.member and change.member.user, change.sequence))

        for on in (app.on_join, app.on_leave, app.on_occupied, app.on_vacated):
            on("room:{name}")(write)
        return app

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for net in self.nets:
            net.__exit__()
        self.loop.close()

    @property
    def happened(self):
        return [each[1:3] for each in self.learnt]


def test_one_node_learns_of_each():
    with Two() as two:
        one, other = two.nets
        for number in range(20):
            client = (one, other)[number % 2].connect(token=f"user {number}")
            client.subscribe("room:1")
            if number % 3:
                client.drop(1000)
            two.loop.run(0.3)
        two.loop.run(3)
        numbers = [each[3] for each in two.learnt]
        assert numbers == sorted(set(numbers))
        assert len([each for each in two.learnt if each[1] == "join"]) == 20


def test_what_a_dead_node_was_at_another_begins_anew():
    async def stuck(number, change):
        if number == 1:
            await passed(10_000)

    with Two(stuck) as two:
        one, other = two.nets
        ann = one.connect(token="ann")
        ann.subscribe("room:1")
        two.loop.run(1)
        assert two.learnt == []
        two.shared.views[0].cut()
        two.loop.run(4)
        assert two.happened == [("occupied", None), ("join", "ann"), ("leave", "ann"), ("vacated", None)]
        ben = other.connect(token="ben")
        ben.subscribe("room:1")
        two.loop.run(2)
        assert two.happened[4:] == [("occupied", None), ("join", "ben")]


def test_a_node_that_lost_its_lease_ends_what_it_was_at():
    ended = []

    async def slow(number, change):
        try:
            await passed(5 if number == 1 else 0)
        finally:
            ended.append((number, change.kind))

    with Two(slow) as two:
        one, _ = two.nets
        one.connect(token="ann").subscribe("room:1")
        two.shared.views[0].cut()
        two.loop.run(4)
        two.shared.views[0].heal()
        two.loop.run(1.1)
        assert (1, "occupied") in ended
        assert [each[0] for each in two.learnt][:4] == [2, 2, 2, 2]


def test_a_broker_that_is_away_is_told_later_what_is_done(caplog):
    with Two() as two:
        one, _ = two.nets
        broker, failing = one.app.hub.broker, [True]
        done = broker.done

        async def fail(*what):
            if failing:
                raise ConnectionError("gone")
            await done(*what)

        broker.done = fail
        one.connect(token="ann").subscribe("room:1")
        two.loop.run(1)
        failing.clear()
        two.loop.run(5)
        assert two.happened == [("occupied", None), ("join", "ann")]
        assert "not done yet" in caplog.text


def test_a_broker_that_is_away_is_asked_later(caplog):
    with Two() as two:
        one, _ = two.nets
        for view in two.shared.views:
            view.cut()
        two.loop.run(10)
        for view in two.shared.views:
            view.heal()
        one.connect(token="ann").subscribe("room:1")
        two.loop.run(2)
        assert two.happened == [("occupied", None), ("join", "ann")]


def test_who_was_in_before_the_hooks_were_is_not_learnt_of():
    inner = None

    def broker(world, metrics):
        nonlocal inner
        inner = inner or MemoryBroker(world.now, world.new_id, later=world.later, metrics=metrics)
        return inner

    app = make(broker)
    with Net(app) as net:
        net.connect(token="ann").subscribe("room:1")
        assert inner._occurrences.claim("n", 1) == ()


def test_what_a_hook_is_learning_of_is_pending():
    app = make()

    @app.on_join("room:{name}")
    async def joined(change):
        await passed(5)

    with Net(app) as net:
        net.connect(token="ann").subscribe("room:1")
        net.run(1)
        assert app.hub.changes.pending == 1
        net.run(5)
        assert app.hub.changes.pending == 0
