"""What `everywire run` may be told about an ASGI application, as a value."""

import click
import pytest
from click.testing import CliRunner

import everywire
from everywire.cli.hosting import Manner, hosting_options
from everywire.cli.options import written
from everywire.cli.serving import Place
from everywire.servers.host.hosting import Hosted


async def app(scope, receive, send):
    """Be one."""


def taken(*arguments: str) -> Manner:
    found = []

    @click.command()
    @hosting_options
    def command(**given: object) -> None:
        found.append(Manner.taken(given))

    result = CliRunner().invoke(command, arguments)
    if result.exit_code:
        raise AssertionError(result.output)
    return found[0]


def test_what_was_said_is_said_again_to_another_process():
    said = ["--lifespan", "off", "--root-path", "/shop", "--trusted-proxies", "10.0.0.0/8, unix", "--access-log"]
    said += [
        "--proxy-headers",
        "forwarded",
        "--max-message",
        "100",
        "--max-body",
        "7",
        "--max-head",
        "999",
        "--keep-alive",
        "5.0",
    ]
    manner = taken(*said)
    assert manner.proxies == ("10.0.0.0/8", "unix")
    assert taken(*written(manner)) == manner


def test_it_becomes_options_of_the_server():
    hosted = Manner(trusted_proxies="unix", max_message=100, max_head=999, keep_alive=5.0).served(
        app, "shop:app", Place()
    )
    assert isinstance(hosted, Hosted)
    assert (hosted.hosting.name, hosted.hosting.trusted_proxies) == ("shop:app", ("unix",))
    options = Manner(max_message=100, max_head=999, keep_alive=5.0).options(hosted)
    assert (options["max_size"], options["idle_timeout"], options["head_limits"].head) == (100, 5.0, 999)
    assert options["head_limits"].body > 1 << 30


def test_an_everywire_keeps_its_usual_limit_of_bodies():
    ours = everywire.Everywire()
    assert Manner().served(ours, "shop:app", Place()) is ours
    assert Manner().options(ours) == {}
    assert Manner(max_head=999).options(ours)["head_limits"].body == 1 << 20


@pytest.mark.parametrize("option", ["--trusted-proxies=here", "--lifespan=no", "--max-message=0", "--keep-alive=nan"])
def test_what_makes_no_sense_is_refused(option):
    with pytest.raises(AssertionError, match="Error: Invalid value"):
        taken(option)
