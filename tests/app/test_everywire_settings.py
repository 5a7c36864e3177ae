"""An application takes what it does not say itself from the environment and from a file."""

import pytest

import everywire
from everywire import Everywire
from everywire.errors import SettingError
from everywire.gateway import HttpSettings
from everywire.hub.settings import Settings


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def test_what_arguments_leave_is_said_outside(monkeypatch, tmp_path):
    (tmp_path / "pyproject.toml").write_text("[tool.everywire]\npath='/live'\n[tool.everywire.http]\nmax_lines=5\n")
    monkeypatch.setenv("EVERYWIRE_HUB__LINGER", "3")
    app = Everywire(settings=Settings(lease=2))
    assert (app.path, app.settings.linger, app.settings.lease, app.http.max_lines) == ("/live", 3, 2, 5)
    other = Everywire(path="/mine", settings=Settings(linger=4), http=HttpSettings(max_lines=6))
    assert (other.path, other.settings.linger, other.http.max_lines) == ("/mine", 4, 6)


def test_what_is_wrong_outside_is_said_where_the_application_is_made(monkeypatch):
    monkeypatch.setenv("EVERYWIRE_HUB__LINGER", "long")
    with pytest.raises(SettingError, match="EVERYWIRE_HUB__LINGER is 'long': a number is needed"):
        Everywire()
    monkeypatch.setenv("EVERYWIRE_HUB__LINGER", "1")
    monkeypatch.setenv("EVERYWIRE_PATH", "live")
    with pytest.raises(SettingError, match=r"^EVERYWIRE_PATH: path 'live' begins with a slash"):
        Everywire()
    monkeypatch.delenv("EVERYWIRE_PATH")
    monkeypatch.setenv("EVERYWIRE_SECRET", "guess")
    with pytest.raises(SettingError, match=r"^EVERYWIRE_SECRET: a secret has at least 16 characters"):
        Everywire()


def test_a_secret_may_be_in_a_file(monkeypatch, tmp_path):
    (tmp_path / "secret").write_text(f"{'a' * 16}\n{'b' * 16}\n")
    monkeypatch.delenv("EVERYWIRE_SECRET", raising=False)
    monkeypatch.setenv("EVERYWIRE_SECRET_FILE", str(tmp_path / "secret"))
    assert Everywire().hooks.secrets == ("a" * 16, "b" * 16)
    (tmp_path / "secret").write_text("guess")
    with pytest.raises(SettingError, match="EVERYWIRE_SECRET_FILE: a secret has at least 16 characters"):
        Everywire()


async def test_servers_have_the_options_of_the_file(monkeypatch):
    monkeypatch.setenv("EVERYWIRE_SERVER__SERVER_HEADER", "none")
    monkeypatch.setenv("EVERYWIRE_SERVER__SLOW_CODE", "4000")
    monkeypatch.setenv("EVERYWIRE_ENGINE", "portable")
    app = Everywire()
    app.websocket("/plain")
    async with app.serving() as server:
        async with everywire.connect(f"ws://127.0.0.1:{server.port}/plain") as ws:
            assert "Server" not in ws.response.headers
    async with app.serving(server_header="ours") as server:
        async with everywire.connect(f"ws://127.0.0.1:{server.port}/plain") as ws:
            assert ws.response.headers["Server"] == "ours"
