"""manage.py everywire_outbox."""

import os
import signal
import threading
from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import call_command
from django.test import override_settings
from django.utils import timezone
from tests.django.rows import Log, row, there

from everywire.django.management.commands import everywire_outbox
from everywire.errors import Refused

pytestmark = pytest.mark.usefixtures("database")


@pytest.fixture
def log(monkeypatch):
    made = Log()
    monkeypatch.setattr(everywire_outbox, "send", made)
    return made


def command(*options: str) -> str:
    said = StringIO()
    call_command("everywire_outbox", *options, stdout=said)
    return said.getvalue()


def test_what_waits_is_published_once(log):
    row("room:1", 1).save()
    command("--once")
    assert (log.said, there()) == ([("room:1", b"1")], [])


def test_what_could_not_be_is_told_by_the_exit_code_listed_and_tried_again(log):
    log.answers = [ConnectionError("gone"), Refused("unknown channel", 104)]
    for channel in ("room:1", "tea"):
        row(channel, 1).save()
    with pytest.raises(SystemExit) as code:
        command("--once")
    assert code.value.code == 1
    listed = command("--list").splitlines()
    assert [each.split(" since ")[0].split(" ", 2)[2] for each in listed] == ["room:1 waits", "tea refused"]
    assert [each.rpartition(": ")[2] for each in listed] == ["gone", "unknown channel"]
    assert command("--retry") == "default: 2 to be tried\n"
    command("--once")
    assert there() == []


def test_it_runs_until_it_is_told_to_end(monkeypatch):
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    seen = []

    def send(waiting) -> None:
        seen.append(waiting.channel)
        os.kill(os.getpid(), signal.SIGTERM)

    monkeypatch.setattr(everywire_outbox, "send", send)
    row("room:1", 1, created=timezone.now() - timedelta(seconds=60)).save()
    try:
        with override_settings(EVERYWIRE={"OUTBOX_DEADLINE": 10.0}):
            assert "Ctrl-C stops it" in command()
    finally:
        for number, handler in zip((signal.SIGINT, signal.SIGTERM), before, strict=True):
            signal.signal(number, handler)
    assert (seen, there()) == (["room:1"], [])
    assert [each for each in threading.enumerate() if each.name == "everywire-outbox"] == []
