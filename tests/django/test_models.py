"""The table of the outbox."""

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
