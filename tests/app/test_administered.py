"""Where an application may be administered."""

import pytest

from everywire.app import Everywire
from everywire.app.administered import Counter

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
