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
    assert Options(ping_interval=None, ping_timeout=7, close_timeout=30, open_timeout=None).shortest() == 7
    nothing = {"ping_interval": None, "ping_timeout": None, "close_timeout": None, "open_timeout": None}
    assert Options(**nothing).shortest() == 60


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
