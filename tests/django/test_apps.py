"""What Django knows of the application."""

import subprocess
import sys

import pytest
from django.apps import apps


def test_it_is_one_of_the_site():
    config = apps.get_app_config("everywire")
    assert (config.name, config.verbose_name) == ("everywire.django", "everywire")
    assert [model.__name__ for model in config.get_models()] == ["Outbox"]


@pytest.mark.parametrize("name", ["Everywire", "publish", "asgi"])
def test_without_django_it_says_what_to_install(name):
    program = f"import sys; sys.modules['django'] = None; from everywire.django import {name}"
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)
    assert "pip install 'everywire[django]'" in ran.stderr.splitlines()[-1]
