"""A client that agrees on its codec while it is there."""

from types import SimpleNamespace

import pytest

from everywire.dialects.base import Acknowledged, Agreed
from everywire.errors import ProtocolError
from everywire.gateway.agreeing import AgreeingLine
from everywire.transports.http import LineLimits


class Attachment(SimpleNamespace):
    def pay(self, size):
        return size < 10

    def receive(self, command):
        self.heard.append(command)

    def close(self, code, reason):
        self.ended = (code, reason)


@pytest.fixture
def line():
    attachment = Attachment(heard=[], ended=None, codec="before", transport=object())
    return AgreeingLine(None, attachment, SimpleNamespace(decode=lambda said: said, received=0), LineLimits())


def test_it_reads_another_codec_from_then_on(line):
    line.receive(["a", Agreed("then"), "b"])
    assert (line.attachment.codec, line.attachment.heard) == ("then", ["a", "b"])


def test_numbers_mean_nothing_where_nothing_outlives_a_websocket(line):
    line.receive([Agreed("then", object()), Acknowledged(3)])
    assert line.numbered is None
    assert line.attachment.heard == []


def test_what_is_paid_for_is_looked_at(line):
    line.receive(["a"] * 10)
    assert line.attachment.heard == []


def test_what_comes_before_a_fault_is_heard(line):
    def decode(said):
        yield from said
        raise ProtocolError("bad", 4400)

    line.decoder.decode = decode
    line.receive(["a"])
    assert (line.attachment.heard, line.attachment.ended) == (["a"], (4400, "bad"))
