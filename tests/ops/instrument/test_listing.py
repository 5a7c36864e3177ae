"""The clients of all nodes."""

from tests.ops.instrument.city import City, listed

from everywire.hub.world import pause


def test_a_list_has_a_limit():
    with City(2, max_clients=3) as city:
        for number in range(6):
            city.come(number % 2)
        assert len(listed(city.look())) == 3


def test_a_long_list_comes_in_parts():
    with City(2) as city:
        clients = [city.come(1, **{"User-Agent": "x" * 4_000}) for _ in range(100)]
        assert {client.sid for client in clients} <= listed(city.look()).keys()


def test_a_node_that_does_not_answer_is_left_out():
    with City(2) as city:
        client, hidden = city.come(0), city.come(1)
        city.look(0)
        city.run()
        city.shared.views[1].cut()
        ui = city.look(0)
        city.run(6)
        assert client.sid in (found := listed(ui))
        assert hidden.sid not in found


def test_a_node_that_takes_a_while_is_waited_for():
    with City(2) as city:
        client, hub = city.come(1), city.nets[1].app.hub
        inner = hub.notes.tell

        async def tell(kind, body):
            if kind == "round-told":
                await pause(hub.world, 3)
            return await inner(kind, body)

        hub.notes.tell = tell
        ui = city.look(0)
        city.run(4)
        assert client.sid in listed(ui)
