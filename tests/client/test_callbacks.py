"""Callbacks of applications harm nobody."""

from everywire.client.callbacks import shielded


def test_errors_are_logged(caplog):
    seen = []
    shielded("mine", seen.append, 1)
    shielded("mine", None, 1)
    shielded("mine", lambda: 1 / 0)
    assert seen == [1]
    assert "error in mine" in caplog.text
