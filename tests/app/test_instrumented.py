"""An application that the Admin UI may look at."""

import pytest

from everywire.app import Everywire
from everywire.http.request import Headers, Request
from everywire.ops.instrument import Instrument
from everywire.testing import Net, Refusal

KEY = "the key of a test"
HOSTED = "https://admin.socket.io"


def made(**options):
    app = Everywire()
    app.socketio()
    app.instrument(KEY, **options)
    return app


@pytest.mark.parametrize(
    ("arguments", "options", "error"),
    [
        (("short",), {}, ValueError),
        ((KEY,), {"mode": "debug"}, ValueError),
        ((KEY,), {"readonly": True}, TypeError),
        ((KEY,), {"origins": HOSTED}, ValueError),
        ((KEY,), {"origins": ["admin.socket.io"]}, ValueError),
        ((KEY,), {"origins": ["*"]}, ValueError),
    ],
)
def test_what_makes_no_sense(arguments, options, error):
    with pytest.raises(error):
        Everywire().instrument(*arguments, **options)


def test_it_is_said_before_the_application_runs():
    app = made()
    with Net(app):
        with pytest.raises(ValueError, match="before it runs"):
            app.instrument(KEY)
        with pytest.raises(ValueError, match="before it runs"):
            app.instrument_by(Instrument(check=bool))


@pytest.mark.parametrize("first", ["instrument", "socketio"])
@pytest.mark.parametrize(("namespace", "own"), [("/admin", ["/", "/admin"]), ("/look", {"/", "/look"})])
def test_a_namespace_of_the_application_is_not_hidden(first, namespace, own):
    app = Everywire()
    steps = {
        "instrument": lambda: app.instrument(KEY, namespace=namespace),
        "socketio": lambda: app.socketio(namespaces=own),
    }
    for step in sorted(steps, key=lambda step: step != first):
        steps[step]()
    for _ in range(2):
        with pytest.raises(ValueError, match=f"would hide '{namespace}'"):
            Net(app)


def test_nothing_is_hidden_without_a_key_or_where_all_names_are_there():
    app = Everywire()
    app.socketio(namespaces=["/", "/admin"])
    app.instrument()
    with Net(app):
        assert [*app.hooks.spaces] == []
    app = Everywire()
    app.socketio(namespaces=lambda name: True)
    app.instrument(KEY)
    with Net(app):
        assert [*app.hooks.spaces] == ["/admin"]


def test_an_application_may_be_run_again():
    app = made()
    for _ in range(2):
        with Net(app):
            assert [*app.hooks.spaces] == ["/admin"]


def asked(net, origin):
    fields = [("Upgrade", "websocket"), ("Connection", "Upgrade"), ("Host", "example.org"), ("Origin", origin)]
    return net.gateway.accept(Request("GET", "/socket.io/?EIO=4&transport=websocket", Headers(fields)))


def test_a_page_of_another_origin_may_be_the_ui_and_nothing_else():
    app = made(origins=[HOSTED])
    with Net(app) as net:
        assert not hasattr(asked(net, HOSTED), "status")  # it is to be upgraded
        assert asked(net, "https://example.com").status == 403
        client = net.client([("Host", "example.org"), ("Origin", HOSTED)])
        with pytest.raises(Refusal, match="Admin UI alone"):
            client.connect()
        net.client([("Host", "example.org"), ("Origin", "https://example.org")]).connect()
        net.connect()


def test_no_other_origin_is_let_in_unless_it_is_said():
    with Net(made()) as net:
        assert asked(net, HOSTED).status == 403
        assert net.app.hooks.guard is None


def test_it_is_said_where_no_ui_can_connect(caplog):
    app = Everywire()
    app.instrument(KEY)
    with Net(app):
        assert "nothing serves Socket.IO" in caplog.text
    caplog.clear()
    with Net(made()):
        assert caplog.text == ""
