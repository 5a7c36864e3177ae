"""Rules decide who may do what."""

import pytest
from tests.hub.small import make, refused

from everywire.errors import Refused
from everywire.hub.access.identity import Identity
from everywire.testing import Net, Refusal, passed


@pytest.fixture
def net():
    with Net(make()) as net:
        yield net


ACTIONS = {
    "subscribe": lambda client, channel: client.subscribe(channel),
    "publish": lambda client, channel: client.publish(channel, 1),
    "history": lambda client, channel: client.ask("history", channel=channel),
    "presence": lambda client, channel: client.ask("presence", channel=channel),
}


@pytest.mark.parametrize("action", ACTIONS)
def test_a_rule_decides(action):
    app = make()
    asked = []

    def rule(access):
        asked.append(access)
        return access.params["name"] == "open"

    options = {f"may_{action}": rule}
    app.channel("hall:{name}", history=5, presence=True, **options)
    with Net(app) as net:
        client = net.connect()
        for other in ACTIONS:
            if other != action:
                ACTIONS[other](client, "hall:shut")
        ACTIONS[action](client, "hall:open")
        with refused(103):
            ACTIONS[action](client, "hall:shut")
        assert [(one.action, one.channel, one.member.session) for one in asked] == [
            (action, "hall:open", client.session),
            (action, "hall:shut", client.session),
        ]


def test_a_rule_may_take_its_time_and_say_why_not():
    app = make()
    hall = app.channel("hall:{name}", may_publish=False)

    @hall.allow("subscribe")
    async def later(access):
        await passed(1)
        if access.params["name"] == "shut":
            raise Refused("come back at nine", temporary=True)
        return True

    with Net(app) as net:
        client = net.connect()
        with refused(103):
            client.publish("hall:a", 1)
        first, second = client.send("subscribe", channel="hall:a"), client.send("subscribe", channel="hall:shut")
        net.run(3)
        assert client.answer(first)["type"] == "subscribed"
        with pytest.raises(Refusal, match="come back at nine") as caught:
            client.answer(second)
        assert caught.value.temporary


@pytest.mark.parametrize("answer", [None, 1, "yes", [True]])
def test_only_true_is_a_yes(answer):
    app = make()
    app.channel("hall", may_subscribe=lambda access: answer)
    with Net(app) as net, refused(103):
        net.connect().subscribe("hall")


def granting(capabilities):
    app = make()
    app.channel("hall:{name}", history=5, presence=True)
    app.channel("shut:{name}", history=5, presence=True, may_subscribe=False)
    app.on_connect(lambda connecting: Identity("ann", capabilities=capabilities))
    return app


@pytest.mark.parametrize("action", ACTIONS)
def test_what_capabilities_do_not_list_is_denied(action):
    with Net(granting({"hall:*": [action], "hall:b:>": []})) as net:
        client = net.connect()
        ACTIONS[action](client, "hall:a")
        for other in ACTIONS:
            if other != action:
                with refused(103):
                    ACTIONS[other](client, "hall:a")
        with refused(103):
            ACTIONS[action](client, "room:a")


def test_capabilities_do_not_overrule_the_channels_rule():
    with Net(granting({">": ["subscribe", "publish"]})) as net:
        client = net.connect()
        client.publish("shut:a", 1)
        with refused(103):
            client.subscribe("shut:a")


def test_a_rule_is_not_asked_about_what_no_capability_grants():
    app = granting({})
    app.channel("asks", may_subscribe=lambda access: 1 / 0)
    with Net(app) as net, refused(103):
        net.connect().subscribe("asks")


def test_without_capabilities_the_rules_decide():
    with Net(granting(None)) as net:
        net.connect().subscribe("hall:a")
