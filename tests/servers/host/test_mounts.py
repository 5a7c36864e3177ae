"""Where clients of what is mounted connect."""

from fastapi import FastAPI
from starlette.applications import Starlette
from starlette.routing import Mount, Route

import everywire
from everywire.servers.host.hosting import Hosted
from everywire.servers.host.mounts import places


async def test_a_hosted_application_says_where_once_it_is_served():
    live = everywire.Everywire()
    site = Hosted(Starlette(routes=[Mount("/rt", live)], lifespan=everywire.lifespan(live)))
    assert site.beside == ""
    async with site.serving(port=0):
        assert site.beside == "everywire's clients connect to /rt/everywire"


def test_routes_are_looked_through():
    live, other = everywire.Everywire(), everywire.Everywire(path="/other")
    inner = Starlette(routes=[Mount("/live", live), Route("/page", print)])
    assert places(Starlette(routes=[Mount("/a", inner), Mount("/b", other)]), [live]) == ["/a/live/everywire"]
    assert places(print, [live]) == []


def test_what_fastapi_mounts_is_found():
    live, api = everywire.Everywire(), FastAPI()
    api.mount("/rt", live)
    assert places(api, [live]) == ["/rt/everywire"]
