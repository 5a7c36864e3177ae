"""The AsyncAPI document, held against the official schema of such documents."""

import json

import jsonschema
import pytest
from tests.conftest import need
from tests.describing import shop

import testbed
from everywire.app import Everywire
from everywire.describing import asyncapi, describe

SPECS = "@asyncapi/specs@6.11.1"


@pytest.fixture(scope="module")
def validator():
    folder = need(lambda: testbed.npm(SPECS)) / "node_modules" / "@asyncapi" / "specs" / "schemas"
    return jsonschema.Draft7Validator(json.loads((folder / "3.0.0.json").read_text()))


@pytest.fixture(scope="module")
def document():
    return json.loads(json.dumps(asyncapi(describe(shop.app.hooks), "Shop", "2.0")))


def test_it_is_what_the_specification_says(validator, document):
    errors = [error.message for error in validator.iter_errors(document)]
    assert errors == []


def test_the_validator_would_tell(validator, document):
    broken = {**document, "operations": {"x": {"action": "shout", "channel": {"$ref": "#/channels/news"}}}}
    assert [*validator.iter_errors(broken)]


def test_an_empty_application_is_described_too(validator):
    document = asyncapi(describe(Everywire().hooks), "Nothing", "1")
    assert [*validator.iter_errors(document)] == []


def test_every_reference_leads_somewhere(document):
    found = []

    def walk(value):
        match value:
            case {"$ref": str(reference)}:
                found.append(reference)
            case dict():
                for each in value.values():
                    walk(each)
            case list():
                for each in value:
                    walk(each)

    walk(document)
    assert len(found) > 20
    for reference in found:
        place = document
        for part in reference.removeprefix("#/").split("/"):
            place = place[part]


def test_what_it_says(document):
    assert document["info"] == {"title": "Shop", "version": "2.0"}
    room = document["channels"]["room_name"]
    assert (room["address"], [*room["parameters"]]) == ("room:{name}", ["name"])
    operations = document["operations"]
    assert {name: each["action"] for name, each in operations.items() if "reply" not in each} == {
        "send_news": "send",
        "receive_inbox": "receive",
        "receive_room_name": "receive",
        "send_room_name": "send",
        "receive_cell_row_column": "receive",
        "send_cell_row_column": "send",
        "receive_game_number_side": "receive",
        "send_game_number_side": "send",
        "receive_file_id": "receive",
        "send_file_id": "send",
        "receive_file_name": "receive",
        "send_file_name": "send",
        "call_upload_sent": "receive",
        "call_chat_sent": "receive",
    }
    assert operations["call_order"]["reply"]["messages"] == [{"$ref": "#/channels/call_order/messages/result"}]
    prices = document["channels"]["call_watch_prices"]
    assert (prices["address"], prices["messages"]["item"]["x-stream"]) == ("watch prices", True)
    assert document["channels"]["call_order"]["description"] == "Order things."


@pytest.mark.parametrize(
    ("channel", "parameter", "good", "bad"),
    [
        ("room_name", "name", ["kitchen", "a.b"], ["", "a:b"]),
        ("game_number_side", "number", [7, -7, 10**18 - 1], [1.5, "x", 10**18]),
        ("game_number_side", "side", ["white"], [7]),
        ("file_id", "id", ["123e4567-e89b-42d3-a456-426614174000"], ["5", 5]),
    ],
)
def test_parameters_say_what_they_are(document, channel, parameter, good, bad):
    said = document["channels"][channel]["parameters"][parameter]
    assert "{" + parameter + "}" in document["channels"][channel]["address"]
    judge = jsonschema.Draft7Validator(said["x-schema"], format_checker=jsonschema.FormatChecker())
    assert [judge.is_valid(value) for value in good + bad] == [True] * len(good) + [False] * len(bad)


def test_names_that_look_alike_are_kept_apart():
    app = Everywire()
    app.channel("a:b")
    app.channel("a.b")
    assert [*asyncapi(describe(app.hooks), "", "")["channels"]] == ["a_b", "a_b_2"]
