"""What EVERYWIRE may say, and what is said of it where it is wrong."""

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.test import override_settings

from everywire.django.settings import Chosen, chosen


def test_what_is_not_said_has_its_default():
    with override_settings(EVERYWIRE={}):
        assert chosen() == Chosen()
    with override_settings(EVERYWIRE={"USER": "username", "OUTBOX_DATABASES": ["default", "other"]}):
        assert chosen() == Chosen(user="username", outbox_databases=("default", "other"))


@pytest.mark.parametrize(
    ("said", "complaint"),
    [
        (["APP"], "EVERYWIRE is a dictionary"),
        ({"APPS": "site.app"}, "EVERYWIRE has no 'APPS': 'APP' was meant?"),
        ({"app": "site.app"}, "EVERYWIRE has no 'app': 'APP' was meant?"),
        ({"zzz": 1}, "EVERYWIRE has no 'zzz'"),
        ({"APP": ""}, "EVERYWIRE['APP'] is a text, not ''"),
        ({"PUBLISH_TIMEOUT": 0}, "EVERYWIRE['PUBLISH_TIMEOUT'] is a number of seconds, more than 0, not 0"),
        ({"PUBLISH_TIMEOUT": True}, "EVERYWIRE['PUBLISH_TIMEOUT'] is a number of seconds, more than 0, not True"),
        ({"ANONYMOUS": "no"}, "EVERYWIRE['ANONYMOUS'] is True or False, not 'no'"),
        ({"LOGOUT": "all"}, "EVERYWIRE['LOGOUT'] is \"session\", \"user\" or None, not 'all'"),
        ({"USER": 7}, "EVERYWIRE['USER'] is an attribute or a function, not 7"),
        (
            {"OUTBOX_DATABASES": "default"},
            "EVERYWIRE['OUTBOX_DATABASES'] is a list of names in DATABASES, not 'default'",
        ),
    ],
)
def test_what_is_wrong_is_named(said, complaint):
    with override_settings(EVERYWIRE=said), pytest.raises(ImproperlyConfigured) as raised:
        chosen()
    assert str(raised.value) == complaint
