"""The load generator's clients of a hub notice every fault of one, in each language that they speak."""

import asyncio
import json
import shutil
import subprocess
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest

import everywire

BENCH = Path(__file__).resolve().parent.parent.parent / "bench"
BUILD = BENCH / ".build"
SHORT = {"--settle": 0.02, "--warmup": 0, "--seconds": 0.05, "--drain": 0.1}
EVERY = 7  # how often it goes wrong, in publications


@pytest.fixture(scope="module", autouse=True)
def built() -> None:
    if not (shutil.which("gcc") and shutil.which("make")):
        pytest.skip("the load generator is C: gcc and make are needed")
    subprocess.run(["make", "-s", "-C", str(BENCH)], check=True)


class Hub:
    """As much of a hub as the load generator looks at, which goes wrong in one way."""

    def __init__(self, fault: str) -> None:
        self.fault = fault
        self.listeners: dict[everywire.WebSocket, str] = {}
        self.log: list[Any] = []

    def packed(self, ws: everywire.WebSocket) -> bool:
        return ws.subprotocol == "everywire.v1.msgpack"

    def say(self, ws: everywire.WebSocket, event: dict[str, Any]) -> None:
        ws.send(msgspec.msgpack.encode(event) if self.packed(ws) else msgspec.json.encode(event).decode())

    def received(self, ws: everywire.WebSocket, message: str | bytes) -> None:
        said = msgspec.msgpack.decode(message) if self.packed(ws) else json.loads(message)
        for command in said if isinstance(said, list) else [said]:
            getattr(self, command["type"])(ws, command)

    def connect(self, ws: everywire.WebSocket, command: dict[str, Any]) -> None:
        self.say(ws, {"type": "connected", "id": command["id"], "session": "s"})

    def subscribe(self, ws: everywire.WebSocket, command: dict[str, Any]) -> None:
        if command["channel"].startswith("bench"):
            self.listeners[ws] = command["channel"]
        missed = [{"data": data} for data in self.log[command["since"]["offset"] :]] if "since" in command else []
        if missed and self.fault == "lose":
            del missed[3]
        if missed and self.fault == "double":
            missed.insert(3, missed[3])
        if missed and self.fault == "damage":
            missed[3] = {"data": missed[3]["data"][:-1] + "!"}
        place = {"channel": command["channel"], "epoch": "e", "offset": len(self.log)}
        whole = "since" in command and self.fault != "forget"
        self.say(ws, {"type": "subscribed", "id": 2, **place, "recovered": whole, "publications": missed})

    def publish(self, ws: everywire.WebSocket, command: dict[str, Any]) -> None:
        self.log.append(command["data"])
        for other, channel in self.listeners.items():
            event = {"type": "publication", "channel": channel, "data": command["data"]}
            self.tell(other, event)
        self.say(ws, {"type": "published", "id": command["id"]})

    def tell(self, ws: everywire.WebSocket, event: dict[str, Any]) -> None:
        wrong = self.fault if len(self.log) % EVERY == 0 and "epoch" not in event and not self.log_is_read() else ""
        if wrong == "damage":
            event = {**event, "data": event["data"][:-1] + "!"}
        for _ in range({"lose": 0, "double": 2}.get(wrong, 1)):
            self.say(ws, event)

    def log_is_read(self) -> bool:
        """Whether this is the publisher of a storm, which hears its own."""
        return len(self.listeners) == 1


class Rooms(Hub):
    """The same in the words of Socket.IO."""

    def opened(self, ws: everywire.WebSocket) -> None:
        ws.send('0{"sid":"s","upgrades":[],"pingInterval":25000,"pingTimeout":20000}')
        ws.send("2")

    def received(self, ws: everywire.WebSocket, message: str | bytes) -> None:
        assert isinstance(message, str)
        if message == "40":
            self.listeners[ws] = "bench"
            ws.send('40{"sid":"t"}')
        elif '"echo"' in message:
            self.log.append(None)
            self.acknowledge(ws, message[2 : message.index("[")], json.loads(message[message.index("[") :])[1])
        elif message.startswith("42"):
            self.log.append(None)
            for other in self.listeners:
                if other is not ws:
                    self.tell(other, {"data": json.loads(message[2:])[1]})

    def say(self, ws: everywire.WebSocket, event: dict[str, Any]) -> None:
        ws.send(f'42["publication","{event["data"]}"]')

    def acknowledge(self, ws: everywire.WebSocket, number: str, text: str) -> None:
        """Give the argument back, every so often in a wrong way."""
        right = f'43{number}["{text}"]'
        wrong = {
            "lose": [],
            "double": [right, right],
            "damage": [f'43{number}["{text[:-1]}!"]'],
            "number": [f'43{int(number) + 1}["{text}"]'],
            "unnumbered": [f'43["{text}"]'],
            "more": [f'43{number}["{text}",1]'],
            "event": [f'42["echo","{text}"]'],
        }
        for each in wrong.get(self.fault, [right]) if len(self.log) % EVERY == 0 else [right]:
            ws.send(each)


@asynccontextmanager
async def serving(fault: str, language: str = "json"):
    hub = Rooms(fault) if language == "socketio" else Hub(fault)
    async with everywire.serve(
        on_open=getattr(hub, "opened", None),
        on_message=hub.received,
        on_close=lambda ws, code, reason: hub.listeners.pop(ws, None),
        host="127.0.0.1",
        port=0,
        subprotocols=[] if language == "socketio" else ["everywire.v1.json", "everywire.v1.msgpack"],
    ) as server:
        yield server.port


async def load(port: int, *flags: str, **options: Any) -> tuple[int, dict[str, Any]]:
    """The load generator's exit code and report."""
    values = {"--port": port, "--connections": 5, **SHORT, **{f"--{name}": value for name, value in options.items()}}
    words = [str(word) for pair in values.items() for word in pair]
    process = await asyncio.create_subprocess_exec(
        BUILD / "load", *words, *flags, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    output, _ = await process.communicate()
    assert process.returncode is not None
    return process.returncode, json.loads(output.splitlines()[-1])


def kinds(report: dict[str, Any]) -> set[str]:
    return {kind for kind, count in report["errors"].items() if count}


LANGUAGES = ("json", "msgpack", "socketio")
FAULTS = [("lose", "lost missing"), ("double", "duplicated"), ("damage", "corrupted")]


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(("fault", "expected"), FAULTS)
async def test_a_fault_of_a_hub_is_reported(fault, expected, language):
    async with serving(fault, language) as port:
        code, report = await load(port, mode="hub", language=language, window=16)
    assert code == 1
    assert kinds(report) & set(expected.split())


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("size", [16, 32, 300])
async def test_a_healthy_hub_has_no_errors(language, size):
    async with serving("none", language) as port:
        code, report = await load(port, mode="hub", language=language, size=size, window=4, drain=2, seconds=0.1)
    assert (code, kinds(report)) == (0, set())
    assert report["messages"] > 0


@pytest.mark.parametrize(("fault", "expected"), [*FAULTS, ("forget", "lost")])
async def test_a_fault_in_what_is_recovered_is_reported(fault, expected):
    async with serving(fault) as port:
        code, report = await load(port, mode="storm", window=20)
    assert code == 1
    assert kinds(report) & {*expected.split(), "corrupted"}


async def test_clients_that_recover_everything_are_counted():
    async with serving("none") as port:
        code, report = await load(port, mode="storm", window=20, connections=30, drain=2)
    assert (code, kinds(report), report["messages"]) == (0, set(), 30)


async def test_subscribers_are_held_in_rooms_and_in_channels_of_their_own():
    async with serving("none") as port:
        code, report = await load(port, "--hold", mode="hub", rooms=2, channels=250)
    assert (code, kinds(report)) == (0, set())


CALL_FAULTS = [*FAULTS, *((kind, "corrupted") for kind in ("number", "unnumbered", "more")), ("event", "protocol")]


@pytest.mark.parametrize(("fault", "expected"), CALL_FAULTS)
async def test_a_fault_in_an_acknowledgement_is_reported(fault, expected):
    async with serving(fault, "socketio") as port:
        code, report = await load(port, mode="call", language="socketio", window=16)
    assert code == 1
    assert kinds(report) & set(expected.split())


@pytest.mark.parametrize("size", [16, 32, 300])
async def test_acknowledgements_without_a_fault_have_no_errors(size):
    async with serving("none", "socketio") as port:
        code, report = await load(port, mode="call", language="socketio", size=size, window=4, drain=2, seconds=0.1)
    assert (code, kinds(report)) == (0, set())
    assert report["messages"] > 0


async def test_sessions_are_held_that_had_one_acknowledgement_each():
    async with serving("none", "socketio") as port:
        code, report = await load(port, "--hold", mode="call", language="socketio", connections=30)
    assert (code, kinds(report), report["messages"]) == (0, set(), 30)


async def test_a_language_that_calls_nothing_cannot_be_told_to_call():
    process = await asyncio.create_subprocess_exec(
        BUILD / "load", "--mode", "call", "--language", "json", "--port", "1", stderr=subprocess.PIPE
    )
    _, errors = await process.communicate()
    assert (process.returncode, errors[:11]) == (2, b"load --mode")
