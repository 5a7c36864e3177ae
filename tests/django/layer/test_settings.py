"""What CONFIG may say, and what it is told where it says something else."""

import re
from dataclasses import fields
from pathlib import Path

import pytest

from everywire.django.layer.settings import LayerSettings


def test_there_are_defaults():
    settings = LayerSettings.read({"channel_capacity": None})
    assert (settings.expiry, settings.group_expiry, settings.capacity) == (60, 86_400, 100)
    assert settings.channel_capacity == {}


@pytest.mark.parametrize("name", ["expiry", "group_expiry", "capacity", "max_size"])
@pytest.mark.parametrize("value", [0, -1, "7", True, float("nan")])
def test_what_is_no_number_above_zero_is_refused(name, value):
    with pytest.raises(ValueError, match=f"{name} is a number above zero"):
        LayerSettings.read({name: value})


@pytest.mark.parametrize(("name", "cure"), [("capacities", "did you mean 'capacity'"), ("hosts", "there are expiry")])
def test_what_there_is_no_setting_for_is_refused_with_what_there_is(name, cure):
    with pytest.raises(TypeError, match=cure):
        LayerSettings.read({name: 1})


def test_the_page_has_every_setting_and_no_other():
    page = (Path(__file__).resolve().parents[3] / "docs" / "django-channels.md").read_text()
    table = page.partition("\n## Settings\n")[2].partition("\n## ")[0]
    assert re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE) == [each.name for each in fields(LayerSettings)]
