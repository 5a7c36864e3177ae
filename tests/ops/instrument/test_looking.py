"""Sessions as a UI sees them."""

from tests.ops.instrument.city import City, listed


def test_namespaces_of_one_connection_are_one_client():
    with City() as city:
        one, other = city.come(), city.come()
        first = one.sid
        one.namespace = "/chat"
        one.connect()
        found = listed(city.look())
        assert found[first]["clientId"] == found[one.sid]["clientId"] != found[other.sid]["clientId"]
        assert found[first]["nsp"], found[one.sid]["nsp"] == ("/", "/chat")


def test_clients_of_other_languages_are_in_the_main_namespace():
    with City() as city:
        client = city.nets[0].connect(info={"name": "Ann"})
        client.subscribe("room:tea")
        one = listed(city.look())[client.session]
        assert (one["nsp"], one["data"], one["rooms"]) == ("/", {"info": {"name": "Ann"}}, [client.session, "room:tea"])


def test_a_client_that_is_away_for_a_moment_is_there():
    with City() as city:
        client = city.nets[0].connect()
        client.drop()
        city.run()
        one = listed(city.look())[client.session]
        assert (one["transport"], one["handshake"]["headers"]) == ("polling", {})


def test_who_others_do_not_see_is_not_seen():
    with City() as city:
        client = city.come()
        city.nets[0].app.hub.sessions[client.sid].unseen = True
        ui = city.look()
        assert client.sid not in listed(ui)
        client.emit("say")
        client.leave()
        city.run()
        assert not [event for event in ui.hear() if client.sid in str(event)]
