"""The channel layer as its specification has it, within one process."""

import asyncio
from functools import partial

import pytest
from asgiref.sync import async_to_sync
from channels.layers import BaseChannelLayer
from django.utils.safestring import mark_safe

from everywire.app import Everywire
from everywire.django import ChannelLayer


def scenario(work):
    """Run a test with a layer of one process, and with one that has a hub."""

    async def shared():
        app = Everywire()
        app.start()
        try:
            await work(ChannelLayer)
        finally:
            await app.stop()

    @pytest.mark.parametrize("way", ["alone", "shared"])
    def test(way):
        asyncio.run(shared() if way == "shared" else work(partial(ChannelLayer, shared=False)))

    test.__name__ = work.__name__
    return test


MESSAGE = {
    "type": "x",
    "bytes": b"\x00\xff",
    "none": None,
    "numbers": [1, -(2**63), 2**63 - 1, 1.5, True],
    "nested": {"a": [{"b": {"c": []}}]},
    "text": "h\u00e9\U0001f600",
}


@scenario
async def test_a_message_comes_as_it_was_sent(made):
    layer = made()
    channel = await layer.new_channel()
    await layer.send(channel, MESSAGE)
    assert await layer.receive(channel) == MESSAGE


@scenario
async def test_tuples_come_as_lists(made):
    layer = made()
    await layer.send("a", {"type": "x", "pair": (1, 2)})
    assert await layer.receive("a") == {"type": "x", "pair": [1, 2]}


@scenario
async def test_members_of_a_group_get_copies_of_their_own(made):
    layer = made()
    channels = [await layer.new_channel() for _ in range(2)]
    for channel in channels:
        await layer.group_add("g", channel)
    await layer.group_send("g", {"type": "x", "list": []})
    first, second = [await layer.receive(channel) for channel in channels]
    first["list"].append(1)
    assert second == {"type": "x", "list": []}


@scenario
async def test_large_messages_are_carried_and_too_large_ones_refused(made):
    layer = made(max_size=2 << 20)
    large = {"type": "x", "text": "a" * (3 << 19)}
    await layer.send("a", large)
    assert await layer.receive("a") == large
    for send in (layer.send, layer.group_send):
        with pytest.raises(layer.MessageTooLarge):
            await send("a", {"type": "x", "text": "a" * (2 << 20)})


NAMES = ["", "a b", "a!b!c", "a/b", "\u00e9", "a" * 100, "=+135!", "a\n!", "a\n", 7, None]


@pytest.mark.parametrize("name", NAMES, ids=repr)
def test_names_that_are_not_valid_raise_what_the_specification_says(name):
    layer = ChannelLayer(shared=False)
    for work in (layer.send(name, {"type": "x"}), layer.receive(name), layer.group_add("g", name)):
        with pytest.raises(TypeError, match=r"Channel name must be a valid unicode string"):
            asyncio.run(work)
    for work in (layer.group_send(name, {"type": "x"}), layer.group_add(name, "a"), layer.group_discard(name, "a")):
        with pytest.raises(TypeError, match=r"Group name must be a valid unicode string"):
            asyncio.run(work)


ENDLESS = {"type": "x"}
ENDLESS["self"] = ENDLESS
WRONG = ["text", None, [1], {"type": object()}, {"n": 2**64}, {"n": -(2**63) - 1}, {"s": "\ud800"}, ENDLESS]


@pytest.mark.parametrize("message", WRONG, ids=lambda each: repr(each)[:30])
def test_what_is_no_message_is_refused(message):
    @scenario
    async def refused(made):
        layer = made()
        for work in (layer.send("a", message), layer.group_send("a", message)):
            with pytest.raises(TypeError, match="a message"):
                await work
        await layer.send("a", {"type": "x"})
        assert await layer.receive("a") == {"type": "x"}

    for way in ("alone", "shared"):
        refused(way)


@scenario
async def test_what_a_template_renders_to_is_text(made):
    layer = made()
    channel = await layer.new_channel()
    await layer.group_add("g", channel)
    for send, name in ((layer.send, channel), (layer.group_send, "g")):
        await send(name, {"type": "x", "html": mark_safe("<b>"), mark_safe("key"): [mark_safe("<i>")]})
        message = await layer.receive(channel)
        assert message == {"type": "x", "html": "<b>", "key": ["<i>"]}
        assert type(message["html"]) is str


@scenario
async def test_a_reader_that_never_reads_costs_what_its_capacity_is_and_is_counted(made):
    seen = []
    layer = made(capacity=3, on_drop=seen.append)
    stuck = await layer.new_channel()
    await layer.group_add("g", stuck)
    for _ in range(5):
        await layer.group_send("g", {"type": "x"})
    with pytest.raises(layer.ChannelFull):
        await layer.send(stuck, {"type": "x"})
    assert layer.dropped == {"capacity": 2, "expired": 0, "gone": 0, "link": 0}
    assert [(each.reason, each.channel, each.group) for each in seen] == [("capacity", stuck, "g")] * 2


@scenario
async def test_capacities_are_chosen_by_the_first_pattern(made):
    layer = made(capacity=3, channel_capacity={"tiny.*": 1, "*": 2})
    for channel, capacity in (("tiny.a", 1), ("b", 2)):
        for _ in range(capacity):
            await layer.send(channel, {"type": "x"})
        with pytest.raises(layer.ChannelFull):
            await layer.send(channel, {"type": "x"})


@scenario
async def test_a_prefix_receives_for_all_its_channels_and_says_for_which(made):
    layer = made()
    channel = await layer.new_channel()
    await layer.send(channel, {"type": "x"})
    assert await layer.receive(f"specific.{layer.client_prefix}!") == {"type": "x", "__asgi_channel__": channel}


@scenario
async def test_a_flush_leaves_nothing(made):
    layer = made()
    await layer.group_add("g", "a")
    await layer.send("a", {"type": "x"})
    await layer.flush()
    await layer.group_send("g", {"type": "x"})
    assert (layer.channels, layer.groups) == ({}, {})


def test_a_loop_for_each_call_is_as_good_as_one():
    layer = ChannelLayer(shared=False)
    channel = async_to_sync(layer.new_channel)()
    async_to_sync(layer.group_add)("g", channel)
    async_to_sync(layer.group_send)("g", {"type": "x"})
    assert asyncio.run(layer.receive(channel)) == {"type": "x"}


@scenario
async def test_it_has_what_the_specification_lists(made):
    layer = made(group_expiry=5)
    assert isinstance(layer, BaseChannelLayer)
    assert (layer.extensions, layer.group_expiry) == (["groups", "flush"], 5)
    assert issubclass(layer.ChannelFull, Exception)
    await layer.close()
