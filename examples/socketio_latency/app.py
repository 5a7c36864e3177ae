"""How long a message takes to the server and back, and from the server to a client and back.

everywire run app:app
"""

from pathlib import Path
from time import perf_counter
from typing import Any

from everywire import socketio

MOST = 20  # measurements at a time

sio = socketio.AsyncServer()
app = socketio.ASGIApp(sio, static_files={"/": Path(__file__).parent / "page"})


@sio.event
def echo(sid: str, *said: Any) -> tuple[Any, ...]:
    """Acknowledge by what was said: the client looks at its clock."""
    return said


@sio.event
async def measure(sid: str, count: int) -> dict[str, Any]:
    """Have the client acknowledge `count` events, and give how many milliseconds each took."""
    if not isinstance(count, int) or not 1 <= count <= MOST:
        return {"error": f"1 to {MOST} measurements"}
    took = []
    for number in range(count):
        begun = perf_counter()
        await sio.call("echo", number, to=sid, timeout=5)
        took.append((perf_counter() - begun) * 1000)
    return {"milliseconds": took}


if __name__ == "__main__":
    app.run(port=8000)
