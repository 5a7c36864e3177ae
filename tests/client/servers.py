"""A server to connect to, and a word with it."""


async def echo(ws):
    async for message in ws:
        await ws.send(message)


async def hello(ws, message="hello"):
    await ws.send(message)
    assert await ws.recv() == message


def uri(server, path="/", scheme="ws"):
    return f"{scheme}://localhost:{server.port}{path}"
