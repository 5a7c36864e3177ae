"""A channel layer in several processes, with nothing between them but the machine's broker; forks of them, and its end."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from tests.servers.test_machine import authority

from everywire.servers.machine import Meeting

REMOTE = str(Path(__file__).with_name("remote.py"))
X = {"type": "x"}


class Remote:
    """A process with a layer."""

    def __init__(self, **config):
        command = [sys.executable, REMOTE, json.dumps(config)]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def begin(self, *words):
        self.process.stdin.write(json.dumps(words) + "\n")
        self.process.stdin.flush()

    def end(self):
        found, *fault = json.loads(self.process.stdout.readline())
        assert not fault, fault
        return found

    def do(self, *words):
        self.begin(*words)
        return self.end()

    def close(self):
        self.process.stdin.close()
        self.process.stdout.close()
        self.process.wait(20)


@pytest.fixture(scope="module")
def folder():
    with pytest.MonkeyPatch.context() as patch, tempfile.TemporaryDirectory(prefix="ew-") as folder:
        patch.setenv("XDG_RUNTIME_DIR", folder)
        yield folder
        found = Meeting(f"folder {os.path.realpath(os.getcwd())}")
        if found.path.exists():
            os.kill(authority(found), signal.SIGTERM)


@pytest.fixture(scope="module")
def remotes(folder):
    remotes = [Remote(capacity=3), Remote(capacity=3)]
    yield remotes
    for each in remotes:
        each.close()


@pytest.fixture
def pair(remotes):
    remotes[0].do("flush")
    return remotes


def test_a_group_is_one_in_all_processes(pair):
    one, two = pair
    mine, other = one.do("new_channel"), two.do("new_channel")
    one.do("group_add", "g", mine)
    two.do("group_add", "g", other)
    for n in range(3):
        one.do("group_send", "g", {"type": "x", "n": n})
    assert [one.do("receive", mine)["n"] for _ in range(3)] == [0, 1, 2]
    assert [two.do("receive", other)["n"] for _ in range(3)] == [0, 1, 2]
    assert {*one.do("group_members", "g")} == {mine, other}


def test_a_megabyte_is_carried_to_another_process(pair):
    one, two = pair
    large, channel = {"type": "x", "text": "a" * (1 << 20)}, two.do("new_channel")
    two.do("group_add", "g", channel)
    one.do("group_send", "g", large)
    one.do("send", channel, large)
    one.do("send", "jobs", large)
    assert two.do("receive", channel) == two.do("receive", channel) == two.do("receive", "jobs") == large


def test_a_channel_of_another_process_can_be_sent_to_until_it_is_full(pair):
    one, two = pair
    channel = two.do("new_channel")
    for n in range(3):
        one.do("send", channel, {"type": "x", "n": n})
    with pytest.raises(AssertionError, match="ChannelFull"):
        one.do("send", channel, X)
    assert [two.do("receive", channel)["n"] for _ in range(3)] == [0, 1, 2]


def test_a_channel_of_another_process_can_be_put_into_a_group(pair):
    one, two = pair
    channel = two.do("new_channel")
    one.do("group_add", "g", channel)
    one.do("group_send", "g", X)
    assert two.do("receive", channel) == X
    one.do("group_discard", "g", channel)
    assert one.do("group_members", "g") == []


def test_a_channel_of_no_process_is_read_by_one_of_them(pair):
    one, two = pair
    two.begin("receive", "jobs")
    one.do("send", "jobs", {"type": "x", "n": 1})
    assert two.end()["n"] == 1
    one.do("send", "jobs", {"type": "x", "n": 2})
    assert one.do("receive", "jobs")["n"] == 2
    for _ in range(3):
        two.do("send", "jobs", X)
    with pytest.raises(AssertionError, match="ChannelFull"):
        one.do("send", "jobs", X)


def test_a_flush_clears_all_processes(pair):
    one, two = pair
    channel = two.do("new_channel")
    two.do("group_add", "g", channel)
    two.do("send", channel, X)
    one.do("send", "jobs", X)
    one.do("flush")
    assert one.do("group_members", "g") == []
    one.do("send", "jobs", {"type": "y"})
    one.do("send", channel, {"type": "y"})
    assert [two.do("receive", "jobs"), two.do("receive", channel)] == [{"type": "y"}] * 2


@pytest.mark.slow
def test_a_process_that_is_gone_is_noticed(pair):
    one, _ = pair
    with_end = Remote()
    channel = with_end.do("new_channel")
    with_end.do("send", "other", X)
    with_end.close()
    gone = one.do("dropped")["gone"]
    one.do("send", channel, X)
    assert one.do("dropped")["gone"] == gone + 1


def test_a_process_that_was_killed_is_in_no_group_and_others_go_on(pair):
    one, two = pair
    killed = Remote()
    mine, theirs = two.do("new_channel"), killed.do("new_channel")
    two.do("group_add", "g", mine)
    killed.do("group_add", "g", theirs)
    gone = one.do("dropped")["gone"]
    killed.begin("receive", theirs)
    killed.process.kill()
    killed.close()
    for n in range(3):
        one.do("group_send", "g", {"type": "x", "n": n})
    assert [two.do("receive", mine)["n"] for _ in range(3)] == [0, 1, 2]
    assert one.do("group_members", "g") == [mine]
    one.do("send", theirs, X)
    assert one.do("dropped")["gone"] == gone + 1


def test_a_forks_child_is_a_process_of_its_own(pair):
    one, _ = pair
    forked = Remote()
    before = forked.do("new_channel")
    forked.do("group_add", "g", before)
    forked.do("fork")
    after = forked.do("new_channel")
    assert before.partition("!")[0] != after.partition("!")[0]
    forked.do("group_add", "g", after)
    one.do("group_send", "g", X)
    assert forked.do("receive", after) == X
    forked.do("group_send", "g", {"type": "y"})
    assert after in forked.do("group_members", "g")
    forked.close()


def test_groups_are_there_again_after_the_authority_was_killed(pair):
    one, two = pair
    mine, other = one.do("new_channel"), two.do("new_channel")
    one.do("group_add", "g", mine)
    two.do("group_add", "g", other)
    two.do("group_add", "g", "jobs")
    two.begin("receive", "jobs")
    os.kill(authority(Meeting(f"folder {os.path.realpath(os.getcwd())}")), signal.SIGKILL)

    async def sent():
        """Send until it has come to the process that is linked again last."""
        async with asyncio.timeout(30):
            while True:
                one.begin("group_send", "g", X)
                said = json.loads(await asyncio.to_thread(one.process.stdout.readline))
                if said == [None] and {mine, other, "jobs"} == {*one.do("group_members", "g")} | {"jobs"}:
                    return

    asyncio.run(sent())
    one.do("group_send", "g", X)
    assert one.do("receive", mine) == X
    assert two.end() == X
    assert two.do("receive", other) == X
