"""What is secret stays out of the logs."""

import logging

import pytest
from tests.gateway.place import Place

from everywire.app import Everywire
from everywire.engine.answers import excuse
from everywire.errors import Refused
from everywire.http.request import Headers, Request
from everywire.testing import Net

SECRET = "s3cret-" + "x" * 30


@pytest.mark.parametrize("fault", [Refused("no", 101), ZeroDivisionError("broken")])
def test_no_token_is_in_the_logs(caplog, fault):
    caplog.set_level(logging.DEBUG)
    app = Everywire()
    app.channel("room")

    @app.on_connect
    def fail(connecting):
        raise fault

    with Net(app) as net:
        place = Place(net)
        for method, target in (("GET", "sse?channel=room"), ("GET", "history?channel=room"), ("POST", "publish?")):
            answer = place.ask(method, f"{target}&token={SECRET}", {"channel": "room", "data": 1})
            assert answer.status in (401, 500)
        place.ask("POST", "publish", b"{", Authorization=f"Bearer {SECRET}")
        place.ask("POST", "lines", [{"type": "connect", "id": 1, "token": SECRET}])
        place.ask("POST", "lines", b'[{"type":"connect","token":"' + SECRET.encode())
    assert SECRET not in caplog.text


def test_an_error_of_ours_tells_no_secret_either(caplog):
    for target in (f"/everywire/sse?token={SECRET}", f"/everywire/lines/{SECRET}.{SECRET}/poll"):
        assert excuse(Request("GET", target, Headers()), ZeroDivisionError()).status == 500
    assert SECRET not in caplog.text
    assert "/everywire/lines/.../poll" in caplog.text
