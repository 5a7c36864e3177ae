"""Connections of one address."""

import random

import pytest

from everywire.hub.access.gate import Gate
from everywire.hub.settings import Settings


@pytest.fixture
def gate():
    return Gate(Settings(max_address_connections=4, max_address_unconnected=2))


def test_who_does_not_connect_is_limited_sooner(gate):
    gate.entered("a")
    assert gate.refuses("a") is None
    gate.entered("a")
    assert "not connected yet" in gate.refuses("a")
    assert gate.refuses("b") is None
    gate.connected("a")
    assert gate.refuses("a") is None


def test_all_connections_of_an_address_are_limited(gate):
    for _ in range(4):
        gate.entered("a")
        gate.connected("a")
    assert gate.refuses("a") == "too many connections from this address"
    gate.left("a", connected=True)
    assert gate.refuses("a") is None


def test_an_unknown_address_is_not_counted(gate):
    for _ in range(100):
        gate.entered(None)
    gate.connected(None)
    gate.left(None, connected=True)
    assert gate.refuses(None) is None
    assert len(gate) == 0


def test_an_address_without_connections_is_forgotten(gate):
    dice = random.Random(1)
    there = []
    for _ in range(5000):
        if there and dice.random() < 0.5:
            address, connected = there.pop(dice.randrange(len(there)))
            gate.left(address, connected=connected)
        else:
            address = f"10.0.0.{dice.randrange(50)}"
            gate.entered(address)
            if connected := dice.random() < 0.5:
                gate.connected(address)
            there.append((address, connected))
    for address, connected in there:
        gate.left(address, connected=connected)
    assert len(gate) == 0
