"""How much there is, and what went through."""

import os

from tests.ops.instrument.city import City


def counted(ui):
    """Take the statistics since the last time; gives the last, and all counts together."""
    found, sums = [stats for [stats] in ui.events("server_stats")], {}
    for stats in found:
        for one in stats["aggregatedEvents"]:
            sums[one["type"]] = sums.get(one["type"], 0) + one["count"]
    return found[-1], sums


def test_connections_and_messages_are_counted_from_one_time_to_the_next():
    with City() as city:
        ui = city.look()
        ui.heard.clear()
        one, two = city.come(), city.come(namespace="/chat")
        one.emit("everywire:subscribe", {"channel": "room:tea"})
        one.lose()
        city.run(2.5)
        last, sums = counted(ui)
        assert (last["clientsCount"], last["serverId"], last["pid"]) == (2, f"node 0#{os.getpid()}", os.getpid())
        assert last["namespaces"] == [
            {"name": "/", "socketsCount": 0},
            {"name": "/admin", "socketsCount": 1},
            {"name": "/chat", "socketsCount": 1},
        ]
        assert (sums["rawConnection"], sums["rawDisconnection"]) == (2, 1)
        two.leave()
        city.run(2.5)
        last, sums = counted(ui)
        assert sums == {"rawDisconnection": 1}
        assert 4 <= last["uptime"] < 6


def test_payloads_and_bytes_are_counted():
    with City() as city:
        ui, app = city.look(), city.nets[0].app
        app.hub.metrics.payloads_received += 3
        app.hub.metrics.bytes_received += 300
        app.hub.metrics.deliveries += 7
        ui.heard.clear()
        city.run(2.5)
        _, sums = counted(ui)
        assert sums == {"packetsIn": 3, "bytesIn": 300, "packetsOut": 7}


def test_what_was_before_anybody_looked_is_not_counted():
    with City() as city:
        city.come().lose()
        city.nets[0].app.hub.metrics.payloads_received += 3
        city.run(20)
        ui = city.look()
        city.run(0.5)
        _, sums = counted(ui)
        assert not sums.keys() & {"packetsIn", "rawDisconnection"}


def test_what_carries_connections():
    with City() as city:
        ui = city.look()
        city.run(2)
        last, _ = counted(ui)
        assert last["pollingClientsCount"] == 1  # memory is no WebSocket
