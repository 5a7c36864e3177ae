"""Django, set up once for all of these tests: a site whose database is a file of this process."""

import tempfile
from pathlib import Path

import django
import pytest
from django.conf import settings
from tests.conftest import need

import testbed

FOLDER = tempfile.TemporaryDirectory(prefix="everywire-django-")
DATABASE = {
    "ENGINE": "django.db.backends.sqlite3",
    "NAME": str(Path(FOLDER.name) / "site.sqlite3"),
    "OPTIONS": {"timeout": 10, "init_command": "PRAGMA journal_mode=WAL"},
}

MEMORY = {"BROKER": "memory://"}  # not the machine's, which would be shared with other tests

if not settings.configured:
    settings.configure(
        SECRET_KEY="not so secret, as this is a test",
        ALLOWED_HOSTS=["localhost", "127.0.0.1", "testserver"],
        DATABASES={"default": DATABASE},
        INSTALLED_APPS=[
            "django.contrib.auth",
            "django.contrib.contenttypes",
            "django.contrib.sessions",
            "everywire.django",
        ],
        MIDDLEWARE=[
            "django.contrib.sessions.middleware.SessionMiddleware",
            "django.contrib.auth.middleware.AuthenticationMiddleware",
        ],
        PASSWORD_HASHERS=["django.contrib.auth.hashers.MD5PasswordHasher"],
        EVERYWIRE=MEMORY,
        ROOT_URLCONF="tests.django.urls",
        USE_TZ=True,
    )
    django.setup()


@pytest.fixture(scope="session")
def migrated() -> None:
    """Make the tables, once."""
    from django.core.management import call_command
    from django.db import connections

    call_command("migrate", verbosity=0)
    connections.close_all()


@pytest.fixture
def database(migrated):
    """Give a database whose tables are empty; connections are closed in the end, as filters of warnings want it."""
    from django.db import connections

    yield connections["default"]
    with connections["default"].cursor() as cursor:
        for table in ("everywire_outbox", "django_session", "auth_user"):
            cursor.execute(f"DELETE FROM {table}")
    connections.close_all()


@pytest.fixture(scope="session")
def postgres(migrated):
    """Run a PostgreSQL that the site knows as the database "postgres"."""
    from tests.django import databases

    need(testbed.postgres)
    with databases.postgres("postgres"):
        yield


@pytest.fixture(params=["default", pytest.param("postgres", marks=pytest.mark.slow)])
def using(request, database):
    """Give the name of a database whose tables are empty: each that an outbox may be in."""
    from django.db import connections

    if request.param == "postgres":
        request.getfixturevalue("postgres")
    yield request.param
    if request.param == "postgres":
        with connections["postgres"].cursor() as cursor:
            cursor.execute("TRUNCATE everywire_outbox, auth_user CASCADE")
    connections.close_all()
