"""Finding an application that is not ours: of ASGI 3, by a factory, and those of other interfaces, told apart."""

import sys

import click
import pytest

from everywire.app import Everywire
from everywire.cli.target import find, load

SHOP = """
import functools

async def app(scope, receive, send): ...
async def by_wrapper(*args, **kwargs): ...

class Site:
    def __init__(self, debug=False): ...
    async def __call__(self, scope, receive, send): ...

class Plain:
    def __call__(self, scope, receive, send): return app(scope, receive, send)

class Old:
    def __init__(self, scope): ...
    async def __call__(self, receive, send): ...

def old(scope):
    async def inner(receive, send): ...
    return inner

def web(environ, start_response): return []

class Web:
    def __call__(self, environ, start_response): return []

site, plain, wsgi = Site(), Plain(), Web()
partial = functools.partial(Site.__call__, site)
def make(debug=False, more=(), deep=None): return site
def makes_maker(): return make
def makes_old(): return Old
async def late(): return site
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "path", [*sys.path])
    known = set(sys.modules)
    (tmp_path / "stall.py").write_text(SHOP)
    (tmp_path / "stall_django.py").write_text("async def application(scope, receive, send): ...\n")
    package = tmp_path / "stallsite"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "wsgi.py").write_text("def application(environ, start_response): return []\n")
    yield tmp_path
    for name in set(sys.modules) - known:
        if name.startswith("stall"):
            del sys.modules[name]


@pytest.mark.parametrize(
    "target",
    [
        "stall",
        "stall:app",
        "stall:by_wrapper",
        "stall:site",
        "stall:plain",
        "stall:partial",
        "stall:make",
        "stall_django",
    ],
)
def test_an_application_of_asgi_3_is_found(folder, target):
    app = find(target, folder)
    assert callable(app)
    assert not isinstance(app, Everywire)


@pytest.mark.parametrize(
    ("target", "complaint"),
    [
        ("stall:Old", "stall:Old is of ASGI 2: asgiref.compatibility.guarantee_single_callable(app) makes"),
        ("stall:old", "stall:old is of ASGI 2"),
        ("stall:makes_old", "stall:makes_old() is of ASGI 2"),
        ("stall:web", "stall:web is a WSGI application, which cannot wait for messages: serve its ASGI side, or wrap it"),
        ("stall:wsgi", "stall:wsgi is a WSGI application"),
        ("stallsite.wsgi", "stallsite.wsgi:application is a WSGI application, which cannot wait for messages: serve stallsite.asgi"),
        ("stall:Site", "stall:Site is a class, not an application: name one that it made, as in app = Site()"),
        ("stall:makes_maker", "stall:makes_maker() makes what makes an application, not one"),
        ("stall:late", "stall:late is a coroutine function without parameters"),
        ("stall:ap", "stall has no 'ap'; there is stall:app, stall:by_wrapper, stall:site"),
    ],
)  # fmt: skip
def test_other_interfaces_are_told_apart_with_what_to_do(folder, target, complaint):
    with pytest.raises(click.ClickException) as error:
        find(target, folder)
    assert complaint in error.value.message
    assert error.value.exit_code == 2


def test_what_needs_an_everywire_says_so(folder):
    with pytest.raises(click.ClickException) as error:
        load("stall:site", folder)
    assert (
        error.value.message
        == "stall:site is a Site, not an Everywire(); name the one that is mounted in it, as in shop.live:rt"
    )


def test_the_everywire_of_a_module_whose_site_was_named_is_named(tmp_path):
    (tmp_path / "booth_live.py").write_text(
        "import everywire\nrt = everywire.Everywire()\nasync def site(scope, receive, send): await rt(scope, receive, send)\n"
    )
    with pytest.raises(click.ClickException) as error:
        load("booth_live:site", tmp_path)
    assert error.value.message == "booth_live:site is a function, not an Everywire(); name it: booth_live:rt"


def test_a_module_of_a_package_is_run_by_its_file(tmp_path):
    (tmp_path / "booth").mkdir()
    (tmp_path / "booth" / "settings.py").write_text("DEBUG = True\n")
    with pytest.raises(click.ClickException, match=r"run by itself: python booth/settings\.py$"):
        find("booth.settings", tmp_path)
