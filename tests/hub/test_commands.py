"""Commands: what is answered, what is refused, in which order."""

import pytest

from everywire.app import Everywire
from everywire.errors import Refused
from everywire.hub.settings import Settings
from everywire.testing import Net, Refusal, passed

SMALL = Settings(max_channels=2, max_name=20, max_data=50, max_info=30, max_waiting=3)


def make(**settings):
    app = Everywire(settings=Settings(**settings) if settings else SMALL)
    app.channel("room:{name}", history=5, presence=True)
    app.channel("plain")
    return app


@pytest.fixture
def net():
    with Net(make()) as net:
        yield net


def refused(code):
    return pytest.raises(Refusal, match=f"^{code} ")


# Connecting.


def test_the_first_command_is_connect(net):
    client = net.client()
    client.send("subscribe", channel="plain")
    assert client.closed == (4401, "connect first")
    assert client.events() == []


def test_malformed_commands_are_refused_before_the_connect_too(net):
    client = net.client()
    with refused(107):
        client.ask("subscribe")
    assert client.connect()["session"]


def test_connecting_in_time(net):
    client = net.client()
    net.run(9.9)
    assert client.closed is None
    net.run(0.2)
    assert client.closed == (4401, "no connect in time")


def test_connecting_twice_is_refused(net):
    with refused(107):
        net.connect().connect()


def test_info_is_bounded(net):
    client = net.client()
    with refused(108):
        client.connect(info={"nick": "x" * 30})
    client.connect(info={"nick": "x"})


def test_a_hook_names_the_user():
    app = make()

    @app.on_connect
    def who(connecting):
        return f"{connecting.token} from {connecting.request.headers['origin']}"

    with Net(app) as net:
        client = net.client(headers=[("Origin", "here")])
        assert client.connect(token="ann")["user"] == "ann from here"


@pytest.mark.parametrize("later", [False, True])
@pytest.mark.parametrize(
    ("no", "code"),
    [
        (Refused("token expired", 101), 4401),
        (Refused("not you"), 4403),
        (Refused("too many", 108, temporary=True), 1013),
    ],
)
def test_a_hook_turns_away(later, no, code):
    app = make()

    def refuse(connecting):
        raise no

    async def refuse_later(connecting):
        await passed(1)
        raise no

    app.on_connect(refuse_later if later else refuse)
    with Net(app) as net:
        client = net.client()
        client.send("connect")
        net.run(2)
        assert client.closed == (code, no.reason)
        (error,) = client.events()
        assert (error["code"], error["reason"], error["temporary"]) == (no.code, no.reason, no.temporary)


def test_a_client_may_go_while_the_hook_thinks():
    app = make()

    @app.on_connect
    async def think(connecting):
        await passed(1)
        return "ann"

    with Net(app) as net:
        client = net.client()
        client.send("connect")
        client.drop()
        net.run(2)
        assert app.hub.sessions == {}


@pytest.mark.parametrize("hook", [lambda connecting: 1 / 0, lambda connecting: 7])
def test_a_failing_hook_is_our_fault_and_closes(hook, caplog):
    app = make()
    app.on_connect(hook)
    with Net(app) as net:
        client = net.client()
        with refused(100):
            client.connect()
        assert client.closed == (1011, "internal error")
    assert "Connect failed" in caplog.text


# Subscribing.


def test_subscribing_twice_is_refused_and_with_a_position_it_is_a_recovery(net):
    client = net.connect()
    answer = client.subscribe("plain")
    with refused(105):
        client.subscribe("plain")
    client.publish("plain", 1)
    again = client.subscribe("plain", since={"epoch": answer["epoch"], "offset": 1})
    assert (again["recovered"], again["offset"]) == (True, 1)
    client.events()
    client.publish("plain", 2)
    assert len(client.events("publication")) == 1


def test_rewind_gives_the_latest_oldest_first(net):
    client = net.connect()
    for number in range(4):
        client.publish("room:a", number)
    answer = client.subscribe("room:a", rewind=2)
    assert [each["data"] for each in answer["publications"]] == [2, 3]
    assert (answer["offset"], answer["recovered"]) == (4, False)


def test_a_position_that_cannot_be_answered_falls_back_on_rewind(net):
    client = net.connect()
    for number in range(8):
        client.publish("room:a", number)
    epoch = client.ask("history", channel="room:a")["epoch"]
    answer = client.subscribe("room:a", since={"epoch": epoch, "offset": 1}, rewind=1)
    assert (answer["recovered"], [each["data"] for each in answer["publications"]]) == (False, [7])


def test_channels_are_limited(net):
    client = net.connect()
    for channel in ("room:1", "room:2"):
        client.subscribe(channel)
    with refused(108):
        client.subscribe("room:3")
    client.ask("unsubscribe", channel="room:1")
    client.subscribe("room:3")


@pytest.mark.parametrize(
    ("name", "code"),
    [("", 108), ("room:" + "x" * 16, 108), ("room:\n", 107), ("room:\x00", 107), ("elsewhere", 104)],
)
def test_names_that_are_refused(net, name, code):
    client = net.connect()
    for kind in ("subscribe", "history", "presence"):
        with refused(code):
            client.ask(kind, channel=name)
    with refused(code):
        client.publish(name, 1)
    assert net.app.hub.channels == {}


def test_unsubscribing(net):
    client, other = net.connect(), net.connect()
    for each in (client, other):
        each.subscribe("room:a")
    assert client.ask("unsubscribe", channel="room:a")["channel"] == "room:a"
    other.publish("room:a", 1)
    assert client.events("publication") == []
    assert [event["type"] for event in other.events()] == ["leave", "publication"]
    with refused(106):
        client.ask("unsubscribe", channel="room:a")


def test_a_channel_nobody_listens_to_is_let_go(net):
    client = net.connect()
    client.subscribe("room:a")
    client.ask("unsubscribe", channel="room:a")
    assert net.app.hub.channels == {}
    assert net.app.hub.broker._watched == set()


# Publishing, history, presence.


def test_a_publication_names_its_sender(net):
    client = net.connect(info={"nick": "A"})
    client.subscribe("plain")
    assert client.publish("plain", {"x": 1})["offset"] == 1
    (event,) = client.events()
    assert event["from"] == {"session": client.session, "user": None, "info": {"nick": "A"}}
    assert event["time"] == 1_767_225_600_000


def test_an_ephemeral_publication_has_no_place(net):
    client = net.connect()
    client.subscribe("room:a")
    assert "offset" not in client.publish("room:a", 1, ephemeral=True)
    (event,) = client.events()
    assert "offset" not in event
    assert client.ask("history", channel="room:a")["publications"] == []


def test_keys_count_per_user():
    app = make()
    app.on_connect(lambda connecting: connecting.token)
    with Net(app) as net:
        clients = [net.connect(token=token) for token in ("ann", "ann", "ben", None)]
        offsets = [client.publish("plain", 1, key="k")["offset"] for client in clients]
        assert offsets == [1, 1, 2, 3]


def test_data_is_bounded(net):
    client = net.connect()
    client.publish("plain", "x" * 48)
    with refused(108):
        client.publish("plain", "x" * 49)
    net.app.on("echo")(lambda member, data: data)
    with refused(108):
        client.ask("call", name="echo", data="x" * 49)


def test_history_in_pieces(net):
    client = net.connect()
    for number in range(4):
        client.publish("room:a", number)
    page = client.ask("history", channel="room:a", limit=2, reverse=True)
    assert [each["data"] for each in page["publications"]] == [3, 2]
    since = {"epoch": page["epoch"], "offset": 2}
    page = client.ask("history", channel="room:a", since=since)
    assert [each["data"] for each in page["publications"]] == [2, 3]


def test_what_a_channel_does_not_have_is_refused(net):
    client = net.connect()
    for kind in ("history", "presence"):
        with refused(110):
            client.ask(kind, channel="plain")


def test_presence_lists_members(net):
    clients = [net.connect(info={"n": n}) for n in range(3)]
    for client in clients:
        client.subscribe("room:a")
    members = clients[0].ask("presence", channel="room:a")["members"]
    assert [member["info"]["n"] for member in members] == [0, 1, 2]


# Rules.

ACTIONS = {
    "subscribe": lambda client, channel: client.subscribe(channel),
    "publish": lambda client, channel: client.publish(channel, 1),
    "history": lambda client, channel: client.ask("history", channel=channel),
    "presence": lambda client, channel: client.ask("presence", channel=channel),
}


@pytest.mark.parametrize("action", ACTIONS)
def test_a_rule_decides(action):
    app = make()
    asked = []

    def rule(access):
        asked.append(access)
        return access.params["name"] == "open"

    options = {f"may_{action}": rule}
    app.channel("hall:{name}", history=5, presence=True, **options)
    with Net(app) as net:
        client = net.connect()
        for other in ACTIONS:
            if other != action:
                ACTIONS[other](client, "hall:shut")
        ACTIONS[action](client, "hall:open")
        with refused(103):
            ACTIONS[action](client, "hall:shut")
        assert [(one.action, one.channel, one.member.session) for one in asked] == [
            (action, "hall:open", client.session),
            (action, "hall:shut", client.session),
        ]


def test_a_rule_may_take_its_time_and_say_why_not():
    app = make()
    hall = app.channel("hall:{name}", may_publish=False)

    @hall.allow("subscribe")
    async def later(access):
        await passed(1)
        if access.params["name"] == "shut":
            raise Refused("come back at nine", temporary=True)
        return True

    with Net(app) as net:
        client = net.connect()
        with refused(103):
            client.publish("hall:a", 1)
        first, second = client.send("subscribe", channel="hall:a"), client.send("subscribe", channel="hall:shut")
        net.run(3)
        assert client.answer(first)["type"] == "subscribed"
        with pytest.raises(Refusal, match="come back at nine") as caught:
            client.answer(second)
        assert caught.value.temporary


@pytest.mark.parametrize("answer", [None, 1, "yes", [True]])
def test_only_true_is_a_yes(answer):
    app = make()
    app.channel("hall", may_subscribe=lambda access: answer)
    with Net(app) as net, refused(103):
        net.connect().subscribe("hall")


# Calls.


def test_calls():
    app = make()
    app.on_connect(lambda connecting: "ann")

    @app.on("whoami")
    def whoami(member, data):
        return [member.user, data]

    @app.on("later")
    async def later(member, data):
        await passed(1)
        return data

    @app.on("no")
    def no(member, data):
        raise Refused("not today", 199)

    with Net(app) as net:
        client = net.connect()
        assert client.ask("call", name="whoami", data={"x": 1})["data"] == ["ann", {"x": 1}]
        assert client.ask("call", name="whoami")["data"] == ["ann", None]
        waiting = client.send("call", name="later", data=5)
        net.run(2)
        assert client.answer(waiting)["data"] == 5
        with refused(199):
            client.ask("call", name="no")
        with refused(109):
            client.ask("call", name="nothing of the kind")


def test_a_failing_handler_is_our_fault_and_the_session_lives(caplog):
    app = make()
    app.on("fail")(lambda member, data: 1 / 0)
    app.on("unsayable")(lambda member, data: object())
    with Net(app) as net:
        client = net.connect()
        for name in ("fail", "unsayable"):
            with pytest.raises(Refusal, match="100 internal error"):
                client.ask("call", name=name)
        assert client.ask("ping")["type"] == "pong"
    assert "division by zero" in caplog.text


# Order.


@pytest.fixture
def slow():
    app = make()

    @app.on("slow")
    async def handler(member, data):
        await passed(10)
        return "done"

    with Net(app) as net:
        yield net


def test_a_slow_handler_holds_up_its_own_session_alone(slow):
    one, two = slow.connect(), slow.connect()
    call = one.send("call", name="slow")
    ping = one.send("ping")
    assert two.ask("ping")["type"] == "pong"
    with pytest.raises(LookupError):
        one.answer(ping)
    slow.run(11)
    assert [event["id"] for event in one.events()] == [call, ping]


def test_too_many_commands_waiting_close(slow):
    client = slow.connect()
    client.send("call", name="slow")
    for _ in range(3):
        client.send("ping")
    assert client.closed is None
    client.send("ping")
    assert client.closed == (1008, "too many unanswered commands")


def test_what_waits_behind_a_slow_handler_dies_with_its_transport(slow):
    client = slow.connect()
    client.send("call", name="slow")
    client.send("publish", channel="plain", data=1)
    client.drop()
    again = slow.connect(resume=client.resume)
    slow.run(11)
    assert again.events() == []
    assert again.publish("plain", 2)["offset"] == 1


def test_one_message_with_many_commands_is_answered_in_order(net):
    client = net.client()
    client.line.receive(
        '[{"type":"connect","id":1},{"type":"subscribe","id":2,"channel":"plain"},'
        '{"type":"publish","id":3,"channel":"plain","data":7},{"type":"subscribe","id":4}]'
    )
    kinds = [event["type"] for event in client.events()]
    assert kinds == ["connected", "subscribed", "publication", "published", "error"]


def test_leaving_for_good(net):
    """No word of the native wire says it; other languages have one."""
    from everywire.messages import Leave

    client = net.connect()
    client.line._attachment.receive(Leave())
    assert client.closed == (1000, "")
    assert net.app.hub.sessions == {}
