"""Where clients of what is mounted connect."""

from fastapi import APIRouter, FastAPI
from litestar import Litestar, asgi
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.routing import Mount, Route

import everywire
from everywire.fastapi import router
from everywire.servers.host.hosting import Hosted
from everywire.servers.host.mounts import places


async def test_a_hosted_application_says_where_once_it_is_served():
    live = everywire.Everywire()
    site = Hosted(Starlette(routes=[Mount("/rt", live)], lifespan=everywire.lifespan(live)))
    assert site.beside == ""
    async with site.serving(port=0):
        assert site.beside == "everywire's clients connect to /rt/everywire"


def test_routes_are_looked_through_whether_what_is_mounted_runs_or_not():
    live, other = everywire.Everywire(), everywire.Everywire(path="/other")
    inner = Starlette(routes=[Mount("/live", live), Route("/page", print)])
    app = Starlette(routes=[Mount("/a", inner), Mount("/b", other)])
    assert places(app, [live]) == places(app, []) == ["/a/live/everywire", "/b/other"]
    assert places(print, []) == []


def test_middleware_is_looked_through():
    inner = Starlette(routes=[Mount("/live", everywire.Everywire(), middleware=[Middleware(CORSMiddleware)])])
    assert places(GZipMiddleware(inner), []) == ["/live/everywire"]


def test_what_fastapi_mounts_is_found():
    live, api = everywire.Everywire(), FastAPI()
    api.mount("/rt", live)
    assert places(api, [live]) == ["/rt/everywire"]


def test_routers_of_fastapi_are_looked_through():
    live, site, api, rooms = everywire.Everywire(), FastAPI(), FastAPI(), APIRouter(prefix="/rooms/{room}")
    rooms.include_router(router(live, prefix="/rt"))
    api.include_router(rooms, prefix="/v1")
    site.mount("/api", api)
    assert places(site, [live]) == ["/api/v1/rooms/{room}/rt/everywire"]


def test_what_litestar_mounts_is_found():
    live = everywire.Everywire()
    app = Litestar([asgi("/live", is_mount=True, copy_scope=True)(live)])
    assert places(app, [live]) == ["/live/everywire"]


def test_what_runs_and_is_in_no_route_is_told_by_its_own_path():
    assert places(print, [everywire.Everywire()]) == ["…/everywire"]
