"""UIs come, are told what happens on all nodes, and go."""

import pytest
from tests.ops.instrument.city import LOGIN, City, Socket, listed

from everywire.app import Everywire
from everywire.dialects.socketio import SocketIODialect
from everywire.hub.world import pause
from everywire.testing import Net

ALL = ["EMIT", "JOIN", "LEAVE", "DISCONNECT", "MJOIN", "MLEAVE", "MDISCONNECT", "AGGREGATED_EVENTS", "ALL_EVENTS"]


def test_a_ui_is_welcomed_and_told_who_is_there():
    with City() as city:
        client, ui = city.come(namespace="/chat"), city.look()
        assert [event[0] for event in ui.heard] == ["session", "config", "all_sockets", "server_stats"]
        assert ui.events("config") == [[{"supportedFeatures": ALL}]]
        assert listed(ui).keys() == {client.sid, ui.sid}


def test_what_becomes_of_clients_is_told_in_order():
    with City() as city:
        ui = city.look()
        ui.heard.clear()
        client = city.come(namespace="/chat")
        client.emit("everywire:subscribe", {"channel": "room:tea"})
        client.emit("say", "hello", {"a": 1})
        city.nets[0].loop.run_until_complete(
            city.nets[0].app.publish("room:tea", {"event": "said", "args": [1, "zwei"]})
        )
        client.emit("everywire:unsubscribe", {"channel": "room:tea"})
        client.leave()
        city.run()
        told = [event[:1] + event[1:-1] for event in ui.hear()]  # the last argument is the time
        assert told[0][0] == "socket_connected"
        assert told[0][1]["id"] == client.sid
        assert told[1:] == [
            ["room_joined", "/chat", "room:tea", client.sid],
            ["event_received", "/chat", client.sid, ["say", "hello", {"a": 1}]],
            ["event_sent", "/chat", client.sid, ["said", 1, "zwei"]],
            ["room_left", "/chat", "room:tea", client.sid],
            ["room_left", "/chat", client.sid, client.sid],
            ["socket_disconnected", "/chat", client.sid, "client namespace disconnect"],
        ]


def test_nothing_is_done_while_nobody_looks():
    with City() as city:
        assert city.watcher() is None
        ui = city.look()
        assert city.watcher() is not None
        ui.leave()
        city.run(10)
        assert city.watcher() is None
        city.come()
        city.look()
        assert city.watcher() is not None


def test_all_nodes_are_seen_from_each():
    with City(3) as city:
        clients = [city.come(node) for node in range(3)]
        uis = [city.look(node) for node in (0, 2)]
        city.run(2)
        for ui in uis:
            assert {client.sid for client in clients} | {ui.sid} <= listed(ui).keys()
            stats = [stats for [stats] in ui.events("server_stats")]
            assert {one["serverId"].partition("#")[0] for one in stats} == {"node 0", "node 1", "node 2"}
        uis[0].heard.clear()
        late = city.come(1)
        city.run()
        assert [event[1]["id"] for event in uis[0].hear() if event[0] == "socket_connected"] == [late.sid]


def test_a_node_that_dies_is_noticed():
    with City(2) as city:
        ui, client = city.look(0), city.come(1)
        city.run()
        city.nets[1].kill()
        city.shared.forget(city.shared.views[1])
        ui.heard.clear()
        city.run(20)
        assert client.sid not in listed(ui)


def test_a_report_that_was_lost_has_the_list_made_anew():
    with City(2) as city:
        ui = city.look(0)
        city.run(1)
        city.shared.views[1].broken = True
        client = city.come(1)
        city.run(0.5)
        city.shared.views[1].broken = False
        ui.heard.clear()
        city.run(8)
        assert client.sid in listed(ui)


def slow(city, node, seconds):
    """Have a node answer later than the others."""
    hub = city.nets[node].app.hub
    rounds, inner = hub.crowds.rounds, hub.crowds.rounds.say

    async def say(*said, last=True):
        await pause(hub.world, seconds)
        await inner(*said, last=last)

    rounds.say = say


@pytest.mark.parametrize("seconds", [0, 0.5])
@pytest.mark.parametrize("before", [True, False])
def test_what_happens_as_a_list_is_made_is_told_once(seconds, before):
    with City(3) as city:
        first = city.look()  # so that all nodes report
        client = city.come(1)
        city.run(1)
        slow(city, 2, seconds)
        if before:  # it is reported in a moment, and listed by then
            client.emit("everywire:subscribe", {"channel": "room:tea"})
        ui = Socket(city.nets[0], "/admin").connect(LOGIN)
        if not before:
            client.emit("everywire:subscribe", {"channel": "room:tea"})
        city.run(2)
        assert drawn(ui)["room:tea"] == drawn(first)["room:tea"] == [client.sid]


def drawn(ui):
    """Who is in each room, as the UI draws it: twice who is told twice."""
    rooms = {}
    for name, *arguments in ui.hear():
        if name == "all_sockets":
            rooms = {}
        clients = arguments[0] if name == "all_sockets" else [arguments[0]] if name == "socket_connected" else []
        for client in clients:
            for room in client["rooms"]:
                rooms.setdefault(room, []).append(client["id"])
        if name == "room_joined":
            rooms.setdefault(arguments[1], []).append(arguments[2])
        if name == "room_left":
            rooms[arguments[1]].remove(arguments[2])
    return rooms


def test_in_production_numbers_alone_are_told():
    with City(mode="production") as city:
        ui = city.look()
        assert city.watcher() is None
        city.come().emit("say", "secret")
        city.run(2.5)
        assert {event[0] for event in ui.hear()} == {"session", "config", "server_stats"}
        assert ui.events("config")[0][0]["supportedFeatures"] == [*ALL[:-1]]
        last = ui.events("server_stats")[-1][0]
        assert last["clientsCount"] == 2


def test_of_a_ui_that_reconnects_nothing_is_left():
    with City() as city:
        ui = city.look()
        ui.lose()
        city.run()
        [session] = ui.events("session")
        again = city.look(auth={"sessionId": session[0]})
        assert listed(again).keys() == {again.sid}
        assert again.events("session") == []


def test_no_secret_brings_a_ui_back_without_its_login():
    def recovering():
        app = Everywire()
        app.speak(lambda beat: SocketIODialect("/socket.io", beat, lambda name: True, recoverable=True))
        app.instrument(LOGIN["password"])
        return app

    with City(made=recovering) as city:
        ui = city.look()
        secret = city.nets[0].app.hub.continuing.secret(city.nets[0].app.hub.sessions[ui.sid])
        assert city.look(auth={"pid": secret}).refused["message"] == "invalid credentials"
        ui.lose()
        assert ui.sid not in city.nets[0].app.hub.sessions
        assert city.look(auth={"pid": secret}).refused["message"] == "invalid credentials"


def test_it_may_do_nothing_with_channels():
    with City() as city:
        ui = city.look()
        for command in ("subscribe", "history", "publish", "presence"):
            [answer] = ui.ask(f"everywire:{command}", {"channel": "room:tea", "data": 1})
            assert answer["error"]["code"] in (103, 110)


def test_the_application_is_not_asked():
    with City() as city:
        app = city.nets[0].app
        calls = []
        app.on_connect(calls.append)
        app.on_connected(lambda caller, connecting: calls.append(caller))
        app.on_disconnected(calls.append)
        app.on("join", inline=True)(lambda: calls.append("join"))
        ui = city.look()
        assert ui.ask("join")[0]["error"]["message"] == "bad request: join does not take 0 arguments"
        ui.leave()
        city.run()
        assert calls == []


def test_it_is_none_of_the_sessions_that_the_application_has():
    with City() as city:
        app, client, ui = city.nets[0].app, city.come(), city.look()

        def get(awaitable):
            return city.loop.run_until_complete(awaitable)

        assert [each.session for each in get(app.sessions()).sessions] == [client.sid]
        assert get(app.sessions(space="/admin")).sessions == []
        assert get(app.subscribe_all("room:tea", everybody=True)).sessions == 1
        assert get(app.kick_all(everybody=True)).sessions == 1
        assert ui.transport.closed is None


def test_its_namespace_is_absent_without_a_key(caplog):
    def keyless():
        app = city_app()
        app.instrument()
        return app

    with City(made=keyless) as city:
        assert city.look().refused == {"message": "Invalid namespace"}
    assert "there is no key" in caplog.text


def test_the_key_of_the_administration_is_its_key():
    def administered():
        app = city_app()
        app.admin(key=LOGIN["password"], on="/admin")
        app.instrument()
        return app

    with City(made=administered) as city:
        assert city.look().sid is not None


def city_app():
    app = Everywire()
    app.socketio()
    return app


@pytest.mark.parametrize("stopped", [True, False])
def test_its_timers_end_with_the_application(stopped):
    with City() as city:
        ui = city.look()
        if not stopped:
            ui.leave()
        told, notes = [], city.nets[0].app.hub.notes
        city.loop.run_until_complete(city.nets[0].app.stop())

        async def tell(kind, body):
            told.append(kind)

        notes.tell = tell
        city.run(30)
        assert told == []


def test_a_ui_is_no_client_that_recovers():
    def recovering():
        app = Everywire()
        app.socketio(recovery=True)
        app.instrument(LOGIN["password"])
        return app

    with City(made=recovering) as city:
        ui = city.look()
        assert [len(event) for event in ui.heard] == [
            2,
            2,
            2,
            2,
        ]  # a name and one argument: none that a client would show
        ui.lose()
        assert ui.sid not in city.nets[0].app.hub.sessions


def test_a_node_that_is_begun_later_is_seen():
    with City(1) as city:
        ui = city.look()
        ui.heard.clear()
        net = Net(city.made(7), 7, loop=city.loop)
        city.nets.append(net)
        client = city.come(1)
        city.run(8)
        assert client.sid in listed(ui)
        assert "node 7" in str(ui.events("server_stats"))


def test_a_ui_that_comes_while_the_broker_is_gone_is_told_later(caplog):
    with City(2) as city:
        city.shared.views[0].cut()
        client, ui = city.come(0), city.look(0)
        city.run(3)
        assert ui.events("all_sockets") == []
        city.shared.views[0].heal()
        city.run(12)
        assert client.sid in listed(ui)
        assert ui.events("server_stats")
    assert "no node is asked" in caplog.text
    assert "cannot be listed" in caplog.text


def test_a_list_that_several_ask_for_is_told_to_all():
    with City(2) as city:
        uis = [Socket(net, "/admin").connect(LOGIN) for net in city.nets for _ in range(3)]
        city.run()
        for ui in uis:
            came = {client["id"] for client, _ in ui.events("socket_connected")}
            assert {each.sid for each in uis} == listed(ui).keys() | came


def test_one_list_is_enough_for_a_ui_that_comes():
    with City(2) as city:
        ui = city.look()
        city.run(10)
        assert len(ui.events("all_sockets")) == 1


def test_a_ui_that_goes_at_once_leaves_nothing():
    with City() as city:
        hub = city.nets[0].app.hub
        told, inner = [], hub.notes.tell

        async def tell(kind, body):
            told.append(kind)
            ui.transport.close(1006)
            ui.line.lost(1006)
            return await inner(kind, body)

        hub.notes.tell = tell
        ui = Socket(city.nets[0], "/admin")
        ui.connect(LOGIN)
        city.run(10)
        assert told.count("ui-watch") == 1
        assert city.watcher() is None


def test_a_node_that_did_not_answer_is_listed_once_it_does():
    with City(2) as city:
        client = city.come(1)
        crowds = city.nets[1].app.hub.crowds
        said, crowds.rounds.say = crowds.rounds.say, nothing
        ui = city.look(0)
        city.run(6)
        assert client.sid not in listed(ui)
        crowds.rounds.say = said
        city.run(10)
        assert client.sid in listed(ui)


async def nothing(*said, last=True):
    """Say nothing."""
