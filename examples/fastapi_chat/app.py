"""A chat on FastAPI: a login, messages in a database, and rooms that everybody hears at once.

uvicorn app:api
"""

import secrets
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

from fastapi import BackgroundTasks, Depends, FastAPI, HTTPException
from fastapi.security import OAuth2PasswordBearer
from fastapi.staticfiles import StaticFiles
from pydantic import BaseModel, Field

import everywire
from everywire import Everywire
from everywire.fastapi import router

HERE = Path(__file__).parent


class User(BaseModel):
    username: str = Field(min_length=1, max_length=30)


class Message(BaseModel):
    room: str = Field(pattern="^[a-z]{1,20}$")
    text: str = Field(min_length=1, max_length=2_000)


class Said(Message):
    number: int
    by: str


# Who is who. A real application asks for a password, and has tokens that end.

tokens: dict[str, User] = {}
scheme = OAuth2PasswordBearer(tokenUrl="login")


async def current_user(token: Annotated[str, Depends(scheme)]) -> User:
    if token not in tokens:
        raise HTTPException(401, "Log in first", {"WWW-Authenticate": "Bearer"})
    return tokens[token]


CurrentUser = Annotated[User, Depends(current_user)]

# Where messages are kept.

DATABASE = HERE / "chat.sqlite3"
TABLE = "CREATE TABLE IF NOT EXISTS said (number INTEGER PRIMARY KEY, room TEXT, by TEXT, text TEXT)"


def database() -> Iterator[sqlite3.Connection]:
    """A connection for one call, or one request."""
    connection = sqlite3.connect(DATABASE, check_same_thread=False)
    try:
        connection.execute(TABLE)
        yield connection
    finally:
        connection.close()


Database = Annotated[sqlite3.Connection, Depends(database)]


def keep(db: sqlite3.Connection, message: Message, user: User) -> Said:
    """Write a message down for good, before anybody hears of it; it has a number then."""
    values = (message.room, user.username, message.text)
    with db:
        number = db.execute("INSERT INTO said (room, by, text) VALUES (?, ?, ?)", values).lastrowid
    return Said(number=number or 0, by=user.username, **message.model_dump())


# What happens at once.

rt = Everywire()
rt.channel("room:{name}", data=Said, history=100, presence="users", may_publish=False)
rt.personal()


@rt.on("say")
async def say(message: Message, user: CurrentUser, db: Database, tasks: BackgroundTasks) -> int:
    """Keep a message, and tell it to its room; whoever is named in it is told in any room."""
    said = keep(db, message, user)
    await rt.publish(f"room:{said.room}", said)
    tasks.add_task(tell_who_is_named, said)
    return said.number


async def tell_who_is_named(said: Said) -> None:
    named = {word[1:].strip(".,:;!?") for word in said.text.split() if word.startswith("@")}
    for name in named - {""}:
        await rt.publish_to(name, {"named_by": said.by, "room": said.room})


# What is asked for.

api = FastAPI(title="A chat on FastAPI")


@api.post("/login")
async def login(user: User) -> str:
    token = secrets.token_urlsafe()
    tokens[token] = user
    return token


@api.get("/rooms/{room}")
def messages(room: str, user: CurrentUser, db: Database, before: int | None = None) -> list[Said]:
    """Give the latest twenty messages of a room, or those before one."""
    rows = db.execute(
        "SELECT number, by, text FROM said WHERE room = ? AND number < ? ORDER BY number DESC LIMIT 20",
        (room, before if before is not None else 1 << 62),
    )
    return [Said(room=room, number=number, by=by, text=text) for number, by, text in rows][::-1]


@api.post("/rooms")
async def say_by_request(message: Message, user: CurrentUser, db: Database, tasks: BackgroundTasks) -> int:
    """Do what the handler does, for programs without a connection."""
    return await say(message, user, db, tasks)


api.include_router(router(rt, user=current_user))
api.mount("/client", StaticFiles(directory=Path(everywire.__file__).parent / "_static"))
api.mount("/", StaticFiles(directory=HERE / "page", html=True))
