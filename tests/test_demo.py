"""The demo application: its channels and its page, as they are declared."""

import pytest

from everywire.app import Everywire
from everywire.demo import PAGE, app, chat
from everywire.hub.settings import Settings


def test_the_application_is_made_at_import():
    assert isinstance(app, Everywire)


def test_settings_are_taken():
    settings = Settings(linger=1.0)
    assert chat(settings).settings is settings


@pytest.mark.parametrize("name", ["index.html", "chat.css", "chat.js", "icon.svg"])
def test_the_page_lies_in_the_package(name):
    assert (PAGE / name).is_file()


def test_the_page_takes_everything_from_its_own_server():
    """A strict policy in the page itself: no inline script, nothing from elsewhere."""
    text = (PAGE / "index.html").read_text()
    assert "default-src 'none'; script-src 'self'" in text
    assert "<script>" not in text
    assert " style=" not in text
    assert "://" not in text
