"""On whose behalf dependencies are solved, for those that ask."""

from typing import Annotated

import pytest
from fastapi import Depends

from everywire.app import Everywire
from everywire.fastapi import CurrentCaller, CurrentConnecting
from everywire.testing import Net, Refusal


async def nickname(caller: CurrentCaller) -> str:
    return f"{caller.user} the {caller.called}"


async def address(connecting: CurrentConnecting) -> str:
    return connecting.token or "nobody"


def answered(net, client, kind, **fields):
    asked = client.send(kind, **fields)
    net.run(1)
    return client.answer(asked)


def test_dependencies_of_handlers_learn_who_calls():
    app = Everywire()

    @app.on_connect
    async def connect(connecting, who: Annotated[str, Depends(address)]):
        return who

    @app.on("great")
    async def great(name: Annotated[str, Depends(nickname)]):
        return name

    with Net(app) as net:
        client = net.client()
        assert answered(net, client, "connect", token="ada")["user"] == "ada"
        assert answered(net, client, "call", name="great")["data"] == "ada the great"


def test_who_is_not_there_is_not_given(caplog):
    app = Everywire()

    @app.on("f")
    async def f(who: Annotated[str, Depends(address)]): ...

    with Net(app) as net:
        client = net.connect()
        with pytest.raises(Refusal, match="internal error"):
            answered(net, client, "call", name="f")
    assert "there is no Connecting here" in caplog.text
