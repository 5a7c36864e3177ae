"""The chat, tried without a network and without waiting: pytest finds the fixtures by itself where everywire is installed.

pytest examples/chat
"""

import runpy
from pathlib import Path

import pytest

from everywire.testing import Dialling, Refusal


@pytest.fixture
def chat(everywire_net):
    return everywire_net(runpy.run_path(str(Path(__file__).parent / "app.py"))["app"])


def texts(client):
    return [event["data"]["text"] for event in client.events("publication")]


def test_what_one_says_the_other_reads(chat):
    ada, grace = chat.connect(), chat.connect()
    for member in (ada, grace):
        member.subscribe("room:lobby")
    ada.publish("room:lobby", {"text": "Hello, Grace!"})
    assert texts(grace) == ["Hello, Grace!"]


def test_who_was_cut_off_gets_what_was_missed(chat):
    ada, grace = chat.connect(), chat.connect()
    seen = grace.subscribe("room:lobby")
    grace.drop()
    ada.publish("room:lobby", {"text": "Still there?"})
    back = chat.connect(resume=grace.resume)
    missed = back.subscribe("room:lobby", since={"epoch": seen["epoch"], "offset": seen["offset"]})
    assert missed["recovered"]
    assert [each["data"]["text"] for each in missed["publications"]] == ["Still there?"]


def test_who_stays_away_leaves_the_room(chat):
    ada, grace = chat.connect(), chat.connect()
    for member in (ada, grace):
        member.subscribe("room:lobby")
    ada.events()
    grace.drop()
    chat.run(5)
    assert ada.events("leave") == []
    chat.run(3600)
    # Ada has not answered a single ping in that hour, and was sent away herself.
    assert ada.closed is not None
    assert chat.connect().ask("presence", channel="room:lobby")["members"] == []


def test_the_news_are_the_server_s(chat):
    with pytest.raises(Refusal):
        chat.connect().publish("room:news", {"text": "Extra!"})


def test_the_real_client_loses_nothing_over_a_bad_line(chat):
    dialling = Dialling(chat, seed=7)

    async def talk():
        async with dialling.client() as ada, dialling.client() as grace:
            room = grace.subscribe("room:lobby")
            await room.ready()
            said = [f"message {number}" for number in range(20)]
            for text in said:
                await ada.publish("room:lobby", {"text": text})
                dialling.cut()
            heard = [(await anext(room)).data["text"] for _ in said]
            assert heard == said

    dialling.run(talk())
