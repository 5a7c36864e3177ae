"""A slow reader on a real socket: others are told everything, it is told the latest, and nothing piles up for it."""

import asyncio
import json
import socket

import pytest

from everywire import connect
from everywire.app import Everywire

ROUNDS, SIZE = 600, 50_000  # 30 MB
SUBPROTOCOL = "everywire.v1.json"


def commands(policy):
    subscribe = {"type": "subscribe", "id": 2, "channel": "feed", "policy": policy}
    return [json.dumps({"type": "connect", "id": 1}), json.dumps(subscribe)]


async def listen(ws, heard):
    async for message in ws:
        event = json.loads(message)
        if event["type"] == "publication":
            heard.append(event["data"]["n"])
        elif event["type"] == "passed":
            heard.append(f"{event['count']} passed")
        if heard and heard[-1] == ROUNDS:
            return


@pytest.mark.slow
@pytest.mark.parametrize("policy", [{"kind": "latest", "interval": 50}, {"kind": "drop_oldest", "size": 4}])
async def test_a_slow_reader_is_told_the_latest_and_the_others_everything(policy):
    app = Everywire()
    app.channel("feed")
    async with app.serving(compression=None) as server:
        port = server.sockets[0].getsockname()[1]
        address = f"ws://127.0.0.1:{port}/everywire"
        sock = socket.socket()
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        sock.setblocking(False)
        await asyncio.get_running_loop().sock_connect(sock, ("127.0.0.1", port))
        options = {"subprotocols": [SUBPROTOCOL], "compression": None, "max_size": None}
        quick = [await connect(address, **options) for _ in range(3)]
        async with connect(address, sock=sock, **options) as slow:
            for ws, wanted in [*((each, {"kind": "reliable"}) for each in quick), (slow, policy)]:
                for command in commands(wanted):
                    await ws.send(command)
            while app.hub.channels.get("feed") is None or app.hub.channels["feed"].audience < 4:
                await asyncio.sleep(0)
            told = [[] for _ in quick]
            listening = [asyncio.ensure_future(listen(ws, heard)) for ws, heard in zip(quick, told, strict=True)]
            for number in range(1, ROUNDS + 1):
                app.publish("feed", {"n": number, "pad": "x" * SIZE})
                while len(told[0]) < number - 4:  # as fast as the others read
                    await asyncio.sleep(0)
            await asyncio.gather(*listening)
            heard = []
            await asyncio.wait_for(listen(slow, heard), 30)
        for ws in quick:
            await ws.close()
    assert all(each == [*range(1, ROUNDS + 1)] for each in told)
    there = [each for each in heard if isinstance(each, int)]
    left_out = sum(int(each.split()[0]) for each in heard if isinstance(each, str))
    assert len(there) + left_out == ROUNDS
    assert len(there) * SIZE < 10_000_000  # what the machine's own buffers hold, and little more
