"""Messages that nobody gets are counted, and told."""

import logging

import pytest

from everywire.django.layer.drops import Drop, Drops

SEEN: list[Drop] = []


def test_drops_are_counted_by_reason():
    drops = Drops(None)
    drops.tell(Drop("expired", "a", count=3))
    drops.full("g", ["a", "b"], 3)
    assert drops.counts == {"capacity": 2, "expired": 3, "gone": 0, "link": 0}


@pytest.mark.parametrize("hook", [SEEN.append, f"{__name__}.SEEN.append"], ids=["callable", "path"])
def test_a_hook_is_told_each(hook, monkeypatch):
    SEEN.clear()
    if isinstance(hook, str):
        monkeypatch.setattr("everywire.django.layer.drops.import_string", lambda path: SEEN.append)
    Drops(hook).full("g", ["a"], 1)
    assert [Drop("capacity", "a", "g")] == SEEN


def test_a_hook_that_fails_is_logged(caplog):
    def hook(drop):
        raise ValueError("no")

    Drops(hook).tell(Drop("gone", "a"))
    assert "hook for dropped messages failed" in caplog.text


def test_how_many_were_full_is_logged(caplog):
    caplog.set_level(logging.INFO)
    Drops(None).full("g", ["a"], 2)
    assert [each.getMessage() for each in caplog.records] == ["1 of 2 channels over capacity in group g"]


@pytest.mark.parametrize(
    ("drop", "said"),
    [
        (Drop("expired", "a", count=3), "INFO 3 messages dropped (expired) that were for a"),
        (Drop("gone", "a"), "INFO 1 messages dropped (gone) that were for a"),
        (Drop("capacity", "a"), "INFO 1 messages dropped (capacity) that were for a"),
        (Drop("link", ""), "WARNING the link to the broker was lost, and with it what was sent to groups meanwhile"),
    ],
    ids=lambda each: getattr(each, "reason", None),
)
def test_drops_are_logged(drop, said, caplog):
    caplog.set_level(logging.INFO)
    Drops(None).tell(drop)
    assert [f"{each.levelname} {each.getMessage()}" for each in caplog.records] == [said]
