"""A node reports for as long as somebody looks, in order."""

from tests.ops.instrument.city import City

from everywire.hub.world import pause


def reports(city):
    """Count the notes with reports."""
    told = []
    inner = city.shared.inner
    original = inner.tell

    async def tell(data):
        if b"ui-report" in data:
            told.append(data)
        return await original(data)

    inner.tell = tell
    return told


def test_nothing_is_reported_where_nobody_looks():
    with City(2) as city:
        city.come()
        told = reports(city)
        city.come().emit("say")
        city.run(10)
        assert told == []


def test_all_that_happens_in_a_moment_is_one_note():
    with City() as city:
        ui, client = city.look(), city.come()
        city.run(0.2)
        told = reports(city)
        for number in range(20):
            client.line.receive(f'42["say",{number}]')
        city.run(0.1)
        assert len(told) == 1
        assert [event[2][1] for event in ui.events("event_received")] == [*range(20)]


def test_much_is_told_in_several_notes_in_order():
    with City() as city:
        ui, client = city.look(), city.come()
        city.run(0.2)
        told = reports(city)
        for number in range(200):
            client.line.receive(f'42["say",{number},"{"x" * 4_000}"]')
        city.run(0.2)
        assert len(told) > 2
        assert [event[2][1] for event in ui.events("event_received")] == [*range(200)]


def test_a_node_that_hears_of_no_ui_any_more_rests():
    with City(2) as city:
        city.look(0)
        assert city.watcher(1) is not None
        city.nets[0].kill()
        city.run(10)
        assert city.watcher(1) is None


def test_a_broker_that_is_gone_is_no_harm(caplog):
    with City(2) as city:
        ui = city.look(0)
        city.shared.views[0].cut()
        city.come(0)
        city.run(5)
        city.shared.views[0].heal()
        late = city.come(0)
        city.run(8)
        assert late.sid in str(ui.hear())
    assert "not told what happened" in caplog.text


def test_no_report_overtakes_one_that_takes_long():
    with City() as city:
        hub = city.nets[0].app.hub
        inner, under_way, most = hub.notes.tell, [], []

        async def tell(kind, body):
            if kind == "ui-report":
                under_way.append(body)
                most.append(len(under_way))
                await pause(hub.world, 9)
                under_way.remove(body)
            return await inner(kind, body)

        hub.notes.tell = tell
        city.look().leave()
        city.run(7)
        assert city.watcher() is None
        city.look()
        city.run(10)
        assert len(most) > 1
        assert max(most) == 1
