"""A chat whose handlers are those of python-socketio: rooms, names, and who is there.

everywire run app:app
"""

from pathlib import Path
from typing import Any

from everywire import socketio

LONGEST_NAME, LONGEST_TEXT = 30, 2_000

sio = socketio.AsyncServer()
app = socketio.ASGIApp(sio, static_files={"/": Path(__file__).parent / "page"})

# Who is in which room: names by the ids of their clients.
people: dict[str, dict[str, str]] = {}


def is_text(said: Any, longest: int) -> bool:
    """Say whether a client has said a text that is neither empty nor too long."""
    return isinstance(said, str) and bool(said.strip()) and len(said) <= longest


@sio.event
async def connect(sid: str, environ: dict[str, Any], auth: Any) -> None:
    name = auth.get("name") if isinstance(auth, dict) else None
    if not is_text(name, LONGEST_NAME):
        raise socketio.exceptions.ConnectionRefusedError("a name is needed", {"longest": LONGEST_NAME})
    await sio.save_session(sid, {"name": name})


@sio.event
async def enter(sid: str, room: Any) -> dict[str, Any]:
    if not is_text(room, LONGEST_NAME):
        return {"error": "a room has a name"}
    session = await sio.get_session(sid)
    await sio.enter_room(sid, room)
    people.setdefault(room, {})[sid] = session["name"]
    await tell_who_is_there(room)
    return {"people": names(room)}


@sio.event
async def leave(sid: str, room: Any) -> None:
    if is_text(room, LONGEST_NAME):
        await sio.leave_room(sid, room)
        await forget(sid, room)


@sio.event
async def say(sid: str, room: Any, text: Any) -> dict[str, Any]:
    if not is_text(room, LONGEST_NAME) or sid not in people.get(room, {}) or not is_text(text, LONGEST_TEXT):
        return {"error": "nothing was said"}
    await sio.emit("said", (room, people[room][sid], text), to=room)
    return {}


@sio.event
async def disconnect(sid: str, reason: str) -> None:
    for room in [room for room, there in people.items() if sid in there]:
        await forget(sid, room)


async def forget(sid: str, room: str) -> None:
    there = people.get(room, {})
    there.pop(sid, None)
    if there:
        await tell_who_is_there(room)
    else:
        people.pop(room, None)


async def tell_who_is_there(room: str) -> None:
    await sio.emit("people", (room, names(room)), to=room)


def names(room: str) -> list[str]:
    return sorted(people.get(room, {}).values())


if __name__ == "__main__":
    app.run(port=8000)
