"""What is said of requests that are refused for where they come from."""

import logging

import pytest

from everywire.gateway.foreign import Foreign
from everywire.http.request import Headers, Request


def asked(host="here.example", **headers):
    fields = [(name.replace("_", "-"), value) for name, value in headers.items()]
    return Request("GET", "/", Headers([("Host", host), *fields]))


@pytest.mark.parametrize(
    ("headers", "told"),
    [
        (
            {"Origin": "http://localhost:3000"},
            "refused a WebSocket of a page of http://localhost:3000 at here.example: if that page may ask, origins=['http://localhost:3000'] of app.run or"
            " app.embed, or EVERYWIRE_HTTP__ORIGINS, says so; a proxy has to pass on Host",
        ),
        ({"Cookie": "a=b"}, "without an Origin at here.example: programs may ask with a token"),
        ({"Origin": "null"}, "at here.example of a page that does not say where it is from"),
        ({"Sec_Fetch_Site": "same-origin"}, "of a page of http://here.example at here.example"),  # only_listed
        ({"Origin": "http://a\x1b[2J" + "x" * 500}, "of a page of http://a\\x1b[2J" + "x" * 85),
    ],
)
def test_a_warning_names_the_origin_the_host_and_what_to_write(headers, told, caplog):
    Foreign(lambda request: "192.0.2.1").tell(asked(**headers), "a WebSocket")
    [record] = caplog.records
    assert record.levelno == logging.WARNING
    assert told in record.getMessage()
    assert record.address == "192.0.2.1"


def test_each_origin_is_warned_of_once(caplog):
    caplog.set_level(logging.INFO)
    foreign = Foreign(lambda request: None)
    for origin in ("http://a", "http://a", "http://b"):
        foreign.tell(asked(Origin=origin), "a request")
    assert [each.levelname for each in caplog.records] == ["WARNING", "INFO", "WARNING"]


def test_who_makes_up_origins_fills_no_log(caplog):
    foreign = Foreign(lambda request: None)
    for number in range(300):
        foreign.tell(asked(Origin=f"http://{number}"), "a request")
    assert len([each for each in caplog.records if each.levelno == logging.WARNING]) == 100


def test_an_application_may_have_another_list(caplog):
    foreign = Foreign(lambda request: None)
    foreign.listed = "TRUSTED", "of the site"
    request = asked(Origin="http://a")
    foreign.tell(request, "a request")
    assert "if that page may ask, TRUSTED=['http://a'] of the site, says so" in caplog.text
    assert foreign.reason(request, "ask here") == "this Origin may not ask here; list it in `TRUSTED`"
