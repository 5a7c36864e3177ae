"""Where the processes of one foreign server find each other."""

import os
import socket
from types import SimpleNamespace

import pytest

from everywire.servers import here
from everywire.servers.asgi import neighbourhood
from everywire.servers.asgi.neighbours import _tidy


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    return tmp_path / "everywire" / "nodes"


def gateway(*, alone):
    return SimpleNamespace(hub=SimpleNamespace(broker=SimpleNamespace(alone=alone)))


def test_those_that_share_a_broker_share_a_folder(folder):
    assert neighbourhood(gateway(alone=False)) == folder
    assert neighbourhood(gateway(alone=False)) == folder
    assert folder.stat().st_mode & 0o077 == 0


def test_one_by_itself_has_none(folder):
    assert neighbourhood(gateway(alone=True)) is None
    assert not folder.exists()


def test_workers_of_our_own_have_theirs(folder, monkeypatch):
    monkeypatch.setattr(here, "worker", lambda: SimpleNamespace(folder=folder / "theirs"))
    assert neighbourhood(gateway(alone=True)) == folder / "theirs"
    assert not folder.exists()


def test_what_killed_ones_left_is_removed(tmp_path):
    for name in ("old", "new", "living"):
        sock = socket.socket(socket.AF_UNIX)
        sock.bind(str(tmp_path / f"{name}.node"))
        if name == "living":
            sock.listen()
            living = sock
        else:
            sock.close()
    (tmp_path / "old.land").touch()
    for name in ("old", "living"):
        os.utime(tmp_path / f"{name}.node", (0, 0))
    _tidy(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {"new.node", "living.node"}
    living.close()
