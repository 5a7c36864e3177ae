"""What an application declares."""

import pytest

from everywire.app import Everywire


def test_a_pattern_is_declared_once():
    app = Everywire()
    app.channel("room:{name}")
    with pytest.raises(ValueError, match="already there"):
        app.channel("room:{name}")


def test_a_handler_is_declared_once():
    app = Everywire()
    app.on("f")(lambda member, data: 1)
    with pytest.raises(ValueError, match="already"):
        app.on("f")(lambda member, data: 2)


def test_a_page_is_known(tmp_path):
    app = Everywire()
    app.static("/files", tmp_path)
    assert not app.has_page
    app.route("/")(lambda request: None)
    assert app.has_page
