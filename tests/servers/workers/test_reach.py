"""Nodes that reach each other in one folder."""

from everywire.app import Everywire
from everywire.http.request import Headers, Request, Response
from everywire.servers.workers.handing import landing
from everywire.servers.workers.reach import Reach
from everywire.servers.workers.relay import private


async def test_one_asks_the_other_and_neither_is_found_any_more_at_the_end(tmp_path):
    one, other = Everywire(), Everywire()
    other.route("/who")(lambda request: Response(200, "the other"))
    async with one.serving() as near, other.serving() as far:
        first = await Reach.open(tmp_path, near, one.gateway)
        second = await Reach.open(tmp_path, far, other.gateway)
        node = other.hub.node
        assert one.gateway.relay is not None
        assert one.gateway.relay.takes(node)
        answer = await one.gateway.relay.forward(node, Request("GET", "/who", Headers([("Host", "here")])))
        assert isinstance(answer, Response)
        assert answer.body == b"the other"
        first.close()
        second.close()
        assert not private(tmp_path, node).exists()
        assert not landing(tmp_path, node).exists()
