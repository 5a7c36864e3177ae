"""Where an application may be administered."""

import asyncio
import sys
import urllib.error
import urllib.request

import pytest

from everywire.app import Everywire
from everywire.app.administered import Counter
from everywire.http.request import Headers, Request, Response
from everywire.testing import Net

KEY = "k" * 16


@pytest.mark.parametrize(
    "place",
    [
        {"port": 8001},
        {"port": 8001, "host": "localhost"},
        {"port": 8001, "host": "::1"},
        {"port": 8001, "host": "0.0.0.0", "key": KEY},
        {"on": "/admin", "key": KEY},
    ],
)
def test_it_may_be(place):
    Everywire().admin(**place)


@pytest.mark.parametrize(
    "place",
    [
        {},
        {"key": KEY},
        {"port": 8001, "on": "/admin", "key": KEY},
        {"port": 8001, "host": "0.0.0.0"},
        {"port": 8001, "host": "192.0.2.1"},
        {"port": 8001, "host": ""},
        {"port": 99999},
        {"port": -1},
        {"port": "8001"},
        {"on": "/admin"},
        {"on": "/", "key": KEY},
        {"on": "/admin/", "key": KEY},
        {"on": "admin", "key": KEY},
        {"port": 8001, "key": "short"},
    ],
)
def test_it_may_not_be(place):
    with pytest.raises(ValueError):
        Everywire().admin(**place)


def test_the_key_is_not_shown():
    assert KEY not in repr(Counter(KEY, port=1))


def asked(net, path, **headers):
    answer = net.app.answer(Request("GET", path, Headers([("Host", "example.org"), *headers.items()])))
    if not isinstance(answer, Response):
        answer = net.loop.run_until_complete(answer)
    return answer.status


def test_metrics_are_on_the_public_port_only_where_they_are_asked_for():
    app = Everywire()
    app.admin(key=KEY, on="/admin")
    with Net(app) as net:
        assert asked(net, "/metrics") == 404
        assert asked(net, "/admin/metrics") == 401
        assert asked(net, "/admin/metrics", Authorization=f"Bearer {KEY}") == 200
    app = Everywire()
    app.admin(key=KEY, on="/admin", metrics="/metrics")
    with Net(app) as net:
        assert asked(net, "/metrics") == 200
        assert asked(net, "/admin/metrics") == 401


async def test_metrics_on_a_port_of_their_own_need_no_key():
    app = Everywire()
    app.admin(key=KEY, port=0, metrics="/open")
    async with app.serving(port=0):
        url = f"http://127.0.0.1:{app.administration[0].port}"

        def got(path):
            try:
                answer = urllib.request.urlopen(url + path, timeout=5)
            except urllib.error.HTTPError as error:
                answer = error
            with answer:
                return answer.status

        assert [await asyncio.to_thread(got, path) for path in ("/open", "/metrics", "/view")] == [200, 401, 401]


@pytest.mark.parametrize("path", ["metrics", "/", "/metrics/"])
def test_a_path_of_metrics_is_checked(path):
    with pytest.raises(ValueError):
        Everywire().admin(port=8001, metrics=path)


def test_metrics_without_their_library(monkeypatch):
    monkeypatch.setitem(sys.modules, "prometheus_client", None)
    with pytest.raises(ImportError, match="metrics"):
        Everywire().admin(port=8001, metrics="/metrics")
