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


class Group(Hub):
    """The same in the words of SignalR: everybody is in the group as soon as the handshake is answered."""

    def received(self, ws: everywire.WebSocket, message: str | bytes) -> None:
        if isinstance(message, str) and '"protocol"' in message:
            protocol = json.loads(message.removesuffix("\x1e"))["protocol"]
            self.listeners[ws] = protocol
            pings: dict[str, str | bytes] = {"json": '{"type":6}\x1e', "messagepack": b"\x02\x91\x06"}
            ws.send("{}\x1e")
            ws.send(pings[protocol])
        elif isinstance(message, str):
            invocation = json.loads(message.removesuffix("\x1e"))
            if invocation["type"] == 1:
                self.publish_to_others(ws, invocation["arguments"][0])
        else:
            at = 1 if message[0] < 0x80 else 2
            size = message[0] if at == 1 else message[0] & 0x7F | message[1] << 7
            assert size == len(message) - at
            invocation = msgspec.msgpack.decode(message[at:])
            if invocation[0] == 1:
                assert invocation[1:4] == [{}, None, "publish"]
                self.publish_to_others(ws, invocation[4][0])

    def publish_to_others(self, ws: everywire.WebSocket, text: str) -> None:
        self.log.append(None)
        for other in self.listeners:
            if other is not ws:
                self.tell(other, {"data": text})

    def say(self, ws: everywire.WebSocket, event: dict[str, Any]) -> None:
        if self.listeners[ws] == "json":
            text = json.dumps({"type": 1, "target": "publication", "arguments": [event["data"]]}, separators=(",", ":"))
            ws.send(text + "\x1e")
            return
        body = msgspec.msgpack.encode([1, {}, None, "publication", [event["data"]], []][: 5 + len(self.log) % 2])
        ws.send((bytes([len(body)]) if len(body) < 128 else bytes([len(body) & 0x7F | 0x80, len(body) >> 7])) + body)


class Strings(Group):
    """The same in the words of SockJS: strings in arrays, each given back on one path, told to the others on another."""

    def opened(self, ws: everywire.WebSocket) -> None:
        assert ws.request.path.endswith("/websocket")
        assert ws.request.path not in {other.request.path for other in self.listeners}
        self.listeners[ws] = "bench"
        ws.send("o")
        ws.send("h")

    def received(self, ws: everywire.WebSocket, message: str | bytes) -> None:
        (text,) = json.loads(message)
        if ws.request.path.startswith("/echo/"):
            self.give_back(ws, text)
        else:
            self.publish_to_others(ws, text)

    def say(self, ws: everywire.WebSocket, event: dict[str, Any]) -> None:
        ws.send(f'a["{event["data"]}"]')

    def give_back(self, ws: everywire.WebSocket, text: str) -> None:
        """Echo, every so often in a wrong way."""
        self.log.append(None)
        right = f'a["{text}"]'
        wrong: dict[str, list[str | bytes]] = {
            "lose": [],
            "double": [right, right],
            "damage": [f'a["{text[:-1]}!"]'],
            "more": [f'a["{text}",1]'],
            "binary": [right.encode()],
            "event": ['c[3000,"Go away!"]'],
        }
        for each in wrong.get(self.fault, [right]) if len(self.log) % EVERY == 0 else [right]:
            ws.send(each)


DIALECTS = {"socketio": Rooms, "signalr": Group, "signalr-msgpack": Group, "sockjs": Strings}
PATHS = {"sockjs hub": "/room/000/*/websocket", "sockjs call": "/echo/000/*/websocket"}


@asynccontextmanager
async def serving(fault: str, language: str = "json"):
    hub = DIALECTS.get(language, Hub)(fault)
    async with everywire.serve(
        on_open=getattr(hub, "opened", None),
        on_message=hub.received,
        on_close=lambda ws, code, reason: hub.listeners.pop(ws, None),
        host="127.0.0.1",
        port=0,
        subprotocols=[] if language in DIALECTS else ["everywire.v1.json", "everywire.v1.msgpack"],
    ) as server:
        yield server.port


async def load(port: int, *flags: str, **options: Any) -> tuple[int, dict[str, Any]]:
    """The load generator's exit code and report."""
    path = PATHS.get(f"{options.get('language')} {options['mode']}", "/")
    named = {f"--{name}": value for name, value in options.items()}
    values = {"--port": port, "--path": path, "--connections": 5, **SHORT, **named}
    words = [str(word) for pair in values.items() for word in pair]
    process = await asyncio.create_subprocess_exec(
        BUILD / "load", *words, *flags, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    output, _ = await process.communicate()
    assert process.returncode is not None
    return process.returncode, json.loads(output.splitlines()[-1])


def kinds(report: dict[str, Any]) -> set[str]:
    return {kind for kind, count in report["errors"].items() if count}


LANGUAGES = ("json", "msgpack", *DIALECTS)
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


CALL_FAULTS = [*FAULTS, ("event", "protocol")]
WRONG_SHAPES = {"socketio": ("number", "unnumbered", "more"), "sockjs": ("more", "binary")}


@pytest.mark.parametrize(
    ("language", "fault", "expected"),
    [
        (language, *fault)
        for language, shapes in WRONG_SHAPES.items()
        for fault in [*CALL_FAULTS, *((shape, "corrupted") for shape in shapes)]
    ],
)
async def test_a_fault_in_an_answer_is_reported(language, fault, expected):
    async with serving(fault, language) as port:
        code, report = await load(port, mode="call", language=language, window=16)
    assert code == 1
    assert kinds(report) & set(expected.split())


@pytest.mark.parametrize("language", WRONG_SHAPES)
@pytest.mark.parametrize("size", [16, 32, 300])
async def test_answers_without_a_fault_have_no_errors(size, language):
    async with serving("none", language) as port:
        code, report = await load(port, mode="call", language=language, size=size, window=4, drain=2, seconds=0.1)
    assert (code, kinds(report)) == (0, set())
    assert report["messages"] > 0


@pytest.mark.parametrize("language", WRONG_SHAPES)
async def test_sessions_are_held_that_had_one_answer_each(language):
    async with serving("none", language) as port:
        code, report = await load(port, "--hold", mode="call", language=language, connections=30)
    assert (code, kinds(report), report["messages"]) == (0, set(), 30)


async def test_a_language_that_calls_nothing_cannot_be_told_to_call():
    process = await asyncio.create_subprocess_exec(
        BUILD / "load", "--mode", "call", "--language", "json", "--port", "1", stderr=subprocess.PIPE
    )
    _, errors = await process.communicate()
    assert (process.returncode, errors[:11]) == (2, b"load --mode")
