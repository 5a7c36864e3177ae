"""What CONFIG may say, and what it is told where it says something else."""

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
