"""Every client that we speak with in one channel: all hear all, in one order. `make one-channel` shows it as a table."""

import dataclasses

import pytest
from conformance.one_channel.families import FAMILIES, PACKAGES, Family
from conformance.one_channel.meeting import Machines, Outcome, Spoken, meet
from conformance.one_channel.run import report
from tests.conftest import need

import testbed


@pytest.mark.timeout(300)  # the first run fetches packages
@pytest.mark.browser
async def test_everybody_hears_everybody_in_one_order(browser, node):
    packages = need(lambda: testbed.npm(*PACKAGES))
    outcome = await meet(FAMILIES, Machines(node, packages, browser), count=10)
    assert outcome.faults == []
    assert outcome.log != sorted(outcome.log)  # they did speak at the same time


ANN, BEN = Family("ann", "node", "websocket"), Family("ben", "node", "polling", "socketio")
LOG = [("ann", 1), ("ben", 1), ("ann", 2), ("ben", 2)]
MEMBERS = {"ann": "native", "ben": "socketio"}


def outcome(**ben):
    """A meeting at which Ben was told something else."""
    spoken = {
        who: Spoken(way, [*LOG], [*LOG], {**MEMBERS}, 42) for who, way in (("ann", "websocket"), ("ben", "polling"))
    }
    spoken["ben"] = dataclasses.replace(spoken["ben"], **ben)
    return Outcome((ANN, BEN), 2, LOG, spoken, 0.5)


@pytest.mark.parametrize(
    ("ben", "faults"),
    [
        ({}, []),
        ({"heard": LOG[:3]}, ["ben did not hear all of ben in order", "ben heard another order than the log's"]),
        ({"heard": [*LOG, LOG[0]]}, ["ben heard another order than the log's"]),
        ({"heard": [LOG[1], LOG[0], *LOG[2:]]}, ["ben heard another order than the log's"]),
        ({"history": LOG[1:]}, ["ben was told another history than the log"]),
        ({"presence": {"ann": "native"}}, ["ben was told of other members: {'ann': 'native'}"]),
        ({"transport": "websocket"}, ["ben was carried by websocket"]),
        ({"total": 41}, ["ben was answered 41"]),
    ],
)
def test_what_is_wrong_is_said(ben, faults):
    assert outcome(**ben).faults == faults


def test_what_the_log_does_not_have_is_said():
    short = LOG[:-1]
    assert dataclasses.replace(outcome(), log=short).faults[0] == "the log is without [('ben', 2)]"


def test_the_table_says_who_heard_whom():
    assert report(outcome(heard=LOG[:3]))[:3] == [
        "         dialect   transport   1  2",
        "  1 ann  native    websocket   2  2",
        "  2 ben  socketio  polling     2  1",
    ]
    assert (
        report(outcome())[-1]
        == "everybody heard everything, in one order; history, presence and a call were answered in each language"
    )
    assert report(outcome(total=41))[-1] == "1 fault"
