"""Out of a network whose only way is a real proxy that knows CONNECT: a WebSocket goes through, plain and over TLS; so does what comes after it."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest
from tests import certificates
from tests.middlemen import proxies
from tests.middlemen.talkers import Person, Talkers, leave, server

pytestmark = pytest.mark.anyio

Proxy = Callable[[int, Path], AbstractContextManager[int]]
PROXIES: dict[str, Proxy] = {
    "tinyproxy": proxies.tinyproxy,
    "squid": lambda back, folder: proxies.squid(None, folder),
}


@pytest.fixture(scope="module")
async def secure(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[tuple[int, Path]]:
    """The port of a server that speaks TLS, and its authority's certificate."""
    folder = tmp_path_factory.mktemp("secure")
    certificate, key, authority = certificates.written(folder)
    async with server(folder, "--certfile", str(certificate), "--keyfile", str(key)) as port:
        yield port, authority


async def through(node: Path, proxy: int, url: str, place: tuple[str, Path], authority: Path) -> list[str]:
    """Have both clients talk through a proxy, by a WebSocket and by a stream; gives their transports."""
    address = f"http://127.0.0.1:{proxy}"
    names = dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"), address)
    environment = {**names, "NODE_USE_ENV_PROXY": "1", "NODE_EXTRA_CA_CERTS": str(authority), "NO_PROXY": ""}
    async with Talkers.in_python() as python, Talkers.in_node(node, **environment) as javascript:
        how = {"proxy": address, "authority": str(authority)}
        people = [
            Person(python, "ada", url, place, **how),
            Person(python, "bob", url, place, **how, transports=["stream"]),
            Person(javascript, "lin", url, place),
            Person(javascript, "mae", url, place, transports=["stream"]),
        ]
        met = await asyncio.gather(*[each.meet() for each in people])
        print([(each["transport"], round(each["first"], 2)) for each in met])
        assert max(each["first"] for each in met) < 5
        await asyncio.gather(*[each.say(199) for each in people])
        return [each["transport"] for each in await leave(*people)]


CASES = [
    ("tinyproxy", "wss"),
    pytest.param(("tinyproxy", "ws"), marks=pytest.mark.slow),
    pytest.param(("squid", "ws"), marks=pytest.mark.slow),
    pytest.param(("squid", "wss"), marks=pytest.mark.slow),
]


@pytest.mark.parametrize("case", CASES, ids=" ".join)
async def test_both_clients(
    case: tuple[str, str], back: int, secure: tuple[int, Path], node: Path, tmp_path: Path
) -> None:
    name, scheme = case
    port = secure[0] if scheme == "wss" else back
    with PROXIES[name](port, tmp_path) as proxy:
        place = f"room:{name} {scheme}", tmp_path / "log.jsonl"
        url = f"{scheme}://localhost:{port}/everywire"
        assert await through(node, proxy, url, place, secure[1]) == ["websocket", "stream"] * 2
        if name == "tinyproxy":  # squid's user may not write there
            assert (tmp_path / "asked.log").read_text().count("CONNECT localhost") >= 4
