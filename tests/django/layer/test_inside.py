"""The half of a layer that is in one process."""

from everywire.django.layer.inside import Inside
from everywire.django.layer.settings import LayerSettings
from everywire.messages import Packed

ONE = Packed(b"1")


def test_a_message_to_a_group_comes_to_its_members_and_what_is_full_is_counted():
    inside = Inside(LayerSettings(), lambda name: 1)
    inside.join("g", "a")
    inside.join("g", "b")
    assert inside.put("a", ONE)
    inside.deliver("g", ONE)
    inside.deliver("nobody", ONE)
    assert inside.drops.counts["capacity"] == 1
    assert (inside.groups_here(), inside.members_here("g")) == (["g"], ["a", "b"])
    inside.leave("g", "a")
    assert inside.members_here("g") == ["b"]
    inside.clear()
    assert (inside.boxes.channels, inside.groups_here()) == ({}, [])


def test_processes_have_names_of_their_own():
    assert len({Inside(LayerSettings(), lambda name: 1).process for _ in range(3)}) == 3
