"""Payloads become commands."""

from types import SimpleNamespace

from everywire.errors import ProtocolError
from everywire.gateway.line import Line


class Attachment(SimpleNamespace):
    address = None

    def pay(self, size):
        return True

    def receive(self, command):
        self.heard.append(command)

    def close(self, code, reason):
        self.ended = (code, reason)

    def lost(self, code):
        self.ended = code


def decode(data):
    for each in data:
        if each == "!":
            raise ProtocolError("bad", 4400)
        yield each


def line():
    attachment = Attachment(heard=[], ended=None)
    return Line(attachment, SimpleNamespace(decode=decode)), attachment


def test_what_comes_before_a_fault_is_heard():
    here, attachment = line()
    here.receive("ab!c")
    assert (attachment.heard, attachment.ended) == (["a", "b"], (4400, "bad"))


def test_a_loss_is_passed_on():
    here, attachment = line()
    here.lost(1006)
    assert attachment.ended == 1006
