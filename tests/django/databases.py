"""A PostgreSQL of one's own, beside the site's SQLite."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from django.core.management import call_command
from django.db import connections

import testbed

__all__ = ["postgres"]

_SETTINGS = ("fsync=off", "listen_addresses=''", "max_connections=50")


@contextmanager
def postgres(alias: str) -> Iterator[None]:
    """Run one, and have it be the database `alias`, with all tables; it does not run as root, who has to be somebody else for it."""
    programs, environment = testbed.postgres()
    user = "nobody" if os.getuid() == 0 else None
    folder = Path(tempfile.mkdtemp(prefix="pg-"))
    try:
        if user is not None:
            shutil.chown(folder, user)

        def run(program: str, *options: str) -> None:
            subprocess.run(
                [programs / program, *options],
                env=environment,
                user=user,
                cwd=folder,
                check=True,
                stdout=subprocess.DEVNULL,
            )

        data = str(folder / "data")
        run("initdb", "-D", data, "-A", "trust", "-U", "site", "--no-sync", "--no-instructions", "-E", "UTF8")
        options = " ".join(f"-c {each}" for each in (*_SETTINGS, f"unix_socket_directories={folder}"))
        run("pg_ctl", "-D", data, "-w", "-l", str(folder / "log"), "-o", options, "start")
        try:
            with known(alias, str(folder)):
                yield
        finally:
            run("pg_ctl", "-D", data, "-m", "immediate", "stop")
    finally:
        shutil.rmtree(folder)


@contextmanager
def known(alias: str, host: str) -> Iterator[None]:
    """Have Django know it."""
    said = {"ENGINE": "django.db.backends.postgresql", "NAME": "postgres", "USER": "site", "HOST": host}
    connections.databases[alias] = connections.configure_settings({"default": {}, alias: said})[alias]
    try:
        call_command("migrate", database=alias, verbosity=0)
        connections[alias].close()
        yield
    finally:
        connections[alias].close()
        del connections.databases[alias]
        del connections[alias]
