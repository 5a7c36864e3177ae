"""The table of the outbox."""

import os
import subprocess
import sys
from io import StringIO

from django.core.management import call_command

from everywire.django.models import Outbox
from everywire.hub.calling.shapes import encode
from everywire.messages import Packed, Raw


def test_what_waits_is_said_as_it_was_given(database):
    for data, kind in (({"a": [1, None]}, Raw), ({"a": b"\0\xff"}, Packed)):
        given = encode(data)
        made = Outbox.objects.create(channel="room:1", data=bytes(given), packed=isinstance(given, Packed))
        found = Outbox.objects.get(id=made.id).said()
        assert (type(found), bytes(found)) == (kind, bytes(given))
        assert str(made) == f"{made.key} in room:1"


def test_the_migrations_make_what_the_models_say():
    said = StringIO()
    call_command("makemigrations", "everywire", check=True, dry_run=True, stdout=said)
    assert "No changes detected" in said.getvalue()


def test_a_site_without_the_table_is_told_what_is_missing():
    program = """
from django.conf import settings
settings.configure(EVERYWIRE={}, INSTALLED_APPS=[])
import django
django.setup()
from everywire.django import publish_on_commit
"""
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, env=os.environ, timeout=60)
    assert 'add "everywire.django" to INSTALLED_APPS' in run.stderr.splitlines()[-1]
