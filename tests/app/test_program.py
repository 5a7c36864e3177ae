"""Any ASGI application as a program: what it says, how it ends, and where it cannot start."""

import asyncio
import os
import signal
import sys
import urllib.request

PATIENCE = 20
APP = """
import everywire

async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        await receive()
        await send({"type": "lifespan.startup.WORD", "message": "no database"})
        await receive()
        print("over", flush=True)
        await send({"type": "lifespan.shutdown.complete"})
        return
    await send({"type": "http.response.start", "status": 200})
    await send({"type": "http.response.body", "body": scope["root_path"].encode()})

everywire.run(app, port=0, root_path="/shop")
"""


async def program(word: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        APP.replace("WORD", word),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={name: value for name, value in os.environ.items() if not name.startswith("EVERYWIRE_")},
    )


async def test_it_serves_until_it_is_told_to_stop():
    process = await program("complete")
    assert process.stderr is not None
    async with asyncio.timeout(PATIENCE):
        line = (await process.stderr.readline()).decode()
        address = line.partition("serving ")[2].partition(";")[0]
        with await asyncio.to_thread(urllib.request.urlopen, address) as answer:
            assert answer.read() == b"/shop"
        process.send_signal(signal.SIGTERM)
        out, _ = await process.communicate()
    assert (process.returncode, out) == (0, b"over\n")


async def test_one_that_cannot_start_says_so_with_exit_code_3():
    process = await program("failed")
    async with asyncio.timeout(PATIENCE):
        _, error = await process.communicate()
    assert process.returncode == 3
    assert error.decode().splitlines()[-1] == "Error: the application does not start: no database"
