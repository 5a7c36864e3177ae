"""What `manage.py check` says."""

import sys
from types import ModuleType

import pytest
from django.core.checks import run_checks
from django.test import override_settings

from everywire.django import Everywire


@pytest.fixture(autouse=True)
def realtime(monkeypatch):
    module = ModuleType("site_of_checks")
    module.app = Everywire()
    monkeypatch.setitem(sys.modules, "site_of_checks", module)


def said(everywire: object, **settings: object) -> list[str]:
    with override_settings(EVERYWIRE=everywire, **settings):
        return [each.id for each in run_checks() if each.id.startswith("everywire.")]


SITE = {"APP": "site_of_checks.app"}


def test_all_is_well():
    assert said(SITE) == []


def test_what_is_wrong_is_an_error():
    assert said({"APPS": 1}) == ["everywire.E001"]
    assert said({"APP": "away.app"}) == ["everywire.E002"]
    assert said({**SITE, "OUTBOX_DATABASES": ["default", "away"]}) == ["everywire.E003"]


def test_what_may_be_missed_is_a_warning():
    assert said({}) == ["everywire.W001"]
    assert said(SITE, MIDDLEWARE=[]) == ["everywire.W002"]
    assert said(SITE, ALLOWED_HOSTS=["*"], SESSION_COOKIE_SAMESITE="None") == ["everywire.W003"]
    assert said(SITE, ALLOWED_HOSTS=["*"]) == []
