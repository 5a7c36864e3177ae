"""A token that is not to be had: asked for again, unless that is said to be useless."""

import pytest
from tests.client.wires import Wires, elapse

from everywire.app import Everywire
from everywire.client.hub import Change, State
from everywire.errors import Refused


@pytest.fixture
def wires():
    with Wires(Everywire()) as wires:
        yield wires


class Renewal(Exception):
    """What some library raises: no OSError."""


def test_a_token_that_is_not_to_be_had_is_asked_for_again(wires, caplog):
    async def test():
        failures = [Renewal("expired"), Refused("later", temporary=True), KeyError()]
        changes: list[Change] = []

        def token() -> str:
            if failures:
                raise failures.pop(0)
            return "right"

        async with wires.client(token=token, on_state=changes.append):
            waits = [change for change in changes if change.state is State.WAITING]
            assert [change.reason for change in waits] == ["no token: expired", "no token: later", "no token: KeyError"]
            assert [type(change.error) for change in waits] == [Renewal, Refused, KeyError]
            assert {change.code for change in waits} == {1006}
            assert "no token: expired" in caplog.text  # a mistake in it would else be found by nobody
        assert len(wires.all) == 1

    wires.run(test())


def test_a_token_that_takes_too_long_is_asked_for_again(wires):
    async def test():
        waits = [30.0, 0.0]

        async def token() -> str:
            await elapse(waits.pop(0))
            return "right"

        changes = []
        async with wires.client(token=token, open_timeout=5, on_state=changes.append) as ada:
            assert ada.state is State.CONNECTED
        assert waits == []
        assert [change.reason for change in changes if change.state is State.WAITING] == ["no token within 5 s"]

    wires.run(test())


def test_a_token_refused_for_good_ends_the_client(wires):
    async def test():
        no = Refused("signed out")

        async def token() -> str:
            raise no

        client = wires.client(token=token)
        with pytest.raises(Refused, match="signed out"):
            await client.connect()
        assert client.state is State.CLOSED
        assert wires.all == []

    wires.run(test())
