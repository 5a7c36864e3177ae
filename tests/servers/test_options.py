"""The options that `serve` and `connect` share."""

import pytest

import everywire
from everywire import Deflate, connect, serve
from everywire.servers.options import Options


async def handle(ws):
    """Do nothing."""


def test_it_is_a_public_name():
    assert everywire.Options is Options


def test_the_shortest_timeout():
    long = {"ping_interval": None, "ping_timeout": 7, "close_timeout": 30, "open_timeout": None}
    assert Options(**long, fin_timeout=60).shortest() == 7
    assert Options(**long, fin_timeout=3).shortest() == 6  # a socket's last moment is looked at twice
    nothing = {"ping_interval": None, "ping_timeout": None, "close_timeout": None, "open_timeout": None}
    assert Options(**nothing, fin_timeout=60).shortest() == 60


@pytest.mark.parametrize(
    ("given", "found"), [("deflate", Deflate()), (None, None), (Deflate(level=9), Deflate(level=9))]
)
def test_compression_by_name_or_value(given, found):
    assert Options(compression=given).compression == found


@pytest.mark.parametrize("compression", ["gzip", True, 1])
def test_no_other_compression(compression):
    for make in (
        lambda **options: serve(handle, "127.0.0.1", **options),
        lambda **options: connect("ws://x", **options),
    ):
        with pytest.raises(TypeError, match="compression"):
            make(compression=compression)


LIMITS = ("max_size", "max_fragments", "read_limit", "write_high", "write_limit")
TIMES = ("ping_interval", "ping_timeout", "close_timeout", "open_timeout", "idle_timeout")


@pytest.mark.parametrize("name", [*LIMITS, *TIMES])
async def test_none_is_no_limit_or_never(engine, name):
    async def flood(ws):
        for _ in range(64):
            ws.send(bytes(50_000))  # more than each of the limits, and nobody reads meanwhile

    options = {"engine": engine, "compression": None, "max_size": 1 << 26, "write_limit": 1 << 26, name: None}
    async with serve(flood, "127.0.0.1", **options) as server:
        async with connect(f"ws://127.0.0.1:{server.port}", **options) as ws:
            assert [len(message) async for message in ws] == [50_000] * 64


@pytest.mark.parametrize("value", [None, 0, -1, "2"])
def test_a_socket_cannot_wait_for_ever(value):
    with pytest.raises(ValueError, match="fin_timeout"):
        Options(fin_timeout=value)


@pytest.mark.parametrize(
    "options",
    [
        {"max_size": 0},
        {"max_size": 1.5},
        {"write_limit": -1},
        {"write_high": -1},
        {"ping_interval": 0},
        {"open_timeout": "10"},
        {"slow_requests": 0},
        {"slow_code": 7},
        {"bare_code": 1006},
    ],
)
def test_numbers_that_make_no_sense(options):
    [name] = options
    with pytest.raises(ValueError, match=f"^{name} is .* needed$"):
        Options(**options)


def test_limits_of_heads_are_no_number():
    with pytest.raises(TypeError, match="head_limits are HeadLimits, not 5"):
        Options(head_limits=5)
