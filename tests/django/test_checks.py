"""What `manage.py check` says."""

import sys
from types import ModuleType

import pytest
from django.core.checks import run_checks
from django.test import override_settings

import everywire
from everywire.django import Everywire


@pytest.fixture(autouse=True)
def realtime(monkeypatch):
    module = ModuleType("site_of_checks")
    module.app = Everywire()
    monkeypatch.setitem(sys.modules, "site_of_checks", module)


def said(chosen: object, **settings: object) -> list[str]:
    with override_settings(EVERYWIRE=chosen, **settings):
        return [each.id for each in run_checks() if each.id.startswith("everywire.")]


SITE = {"APP": "site_of_checks.app"}


def test_all_is_well():
    assert said(SITE) == []


def test_what_is_wrong_is_an_error():
    assert said({"APPS": 1}) == ["everywire.E001"]
    assert said({"APP": "away.app"}) == ["everywire.E002"]
    assert said({**SITE, "OUTBOX_DATABASES": ["default", "away"]}) == ["everywire.E003"]


def test_an_application_that_other_processes_do_not_reach_is_an_error(monkeypatch):
    for broker, ids in ((None, ["everywire.E002"]), ("machine://checks", []), ("memory://", ["everywire.E002"])):
        monkeypatch.setattr(sys.modules["site_of_checks"], "app", everywire.Everywire(broker=broker))
        assert said(SITE) == ids


def test_what_may_be_missed_is_a_warning():
    assert said({}) == ["everywire.W001"]
    assert said(SITE, MIDDLEWARE=[]) == ["everywire.W002"]
    assert said(SITE, ALLOWED_HOSTS=["*"], SESSION_COOKIE_SAMESITE="None") == ["everywire.W003"]
    assert said(SITE, ALLOWED_HOSTS=["*"]) == []
