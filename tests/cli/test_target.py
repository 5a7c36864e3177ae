"""Finding the application: what is right, and one helpful line for everything else."""

import sys

import click
import pytest

from everywire.app import Everywire
from everywire.cli import target as targets
from everywire.cli.target import load

GOOD = """
from everywire.app import Everywire
app = Everywire()
number = 7
def make(): return Everywire()
def fails(): raise KeyError("x")
class inner: app = app
"""


MAKERS = """
from everywire.app import Everywire
def make_app(): return Everywire()
def live(debug=False) -> Everywire: return Everywire()
def make_name(first): return first
def helper(): pass
"""


FACE = """
from everywire import socketio
app = socketio.ASGIApp(socketio.AsyncServer())
"""

DEAF = """
from everywire.app import Everywire
app = Everywire()
app.on_join("rom:{name}")(print)
app.channel("room:{name}", presence=True)
"""

WRONG = """
from everywire.app import Everywire

def declared():
    app = Everywire()
    app.channel("room:*")
    return app

app = declared()
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "path", [*sys.path])
    known = set(sys.modules)
    (tmp_path / "shop_live.py").write_text(GOOD)
    (tmp_path / "shop_face.py").write_text(FACE)
    (tmp_path / "shop_needy.py").write_text("import no_such_library\n")
    (tmp_path / "shop_broken.py").write_text("x = 1\ndef f(:\n")
    (tmp_path / "shop_raising.py").write_text("x = 1\nx / 0\n")
    (tmp_path / "shop_makers.py").write_text(MAKERS)
    (tmp_path / "shop_deaf.py").write_text(DEAF)
    (tmp_path / "shop_wrong.py").write_text(WRONG)
    (tmp_path / "shop_empty.py").write_text("import os\n")
    yield tmp_path
    for name in set(sys.modules) - known:
        if name.startswith("shop_"):
            del sys.modules[name]


@pytest.mark.parametrize(
    "target", ["shop_face:app", "shop_live:app", "shop_live", "shop_live:", "shop_live:make", "shop_live:inner.app"]
)
def test_an_application_is_found(folder, target):
    assert isinstance(load(target, folder), Everywire)


@pytest.mark.parametrize(
    ("target", "complaint"),
    [
        ("shop_live.py:app", "shop_live.py is a file; name the module: shop_live:app"),
        ("./sub/live.py", "name the module: sub.live:app"),
        ("", "'' names no module; write MODULE:APP"),
        (":app", "':app' names no module; write MODULE:APP"),
        ("shop_makers:app", "shop_makers has no 'app'; did you mean shop_makers:make_app or shop_makers:live?"),
        (
            "shop_empty",
            "shop_empty has no 'app'; it holds no application. A program without one is run by itself: python",
        ),
        ("shop_liv:app", "did you mean shop_live?"),
        ("shop_live:ap", "shop_live has no 'ap'; there is shop_live:app"),
        ("shop_live:number", "shop_live:number is an int, not an Everywire() nor an ASGI application"),
        (
            "shop_live:inner",
            "shop_live:inner is a class, not an application: name one that it made, as in app = inner()",
        ),
        ("shop_needy:app", "shop_needy.py, line 1: No module named 'no_such_library'; is it installed for "),
        ("shop_broken:app", "shop_broken.py, line 2: SyntaxError: invalid syntax: def f(:"),
        ("shop_deaf:app", "learns nothing: no such channel has presence; did you mean 'room:{name}'?"),
    ],
)
def test_everything_else_is_told(folder, target, complaint):
    with pytest.raises(click.ClickException) as error:
        load(target, folder)
    assert complaint in error.value.message
    assert "\n" not in error.value.message
    assert error.value.exit_code == 2


def test_libraries_are_not_shown_also_where_they_are_in_the_applications_folder(folder, monkeypatch):
    library = folder / ".venv" / "site-packages"
    library.mkdir(parents=True)
    (library / "shop_library.py").write_text("def fails(): raise KeyError('x')\n")
    monkeypatch.syspath_prepend(str(library))
    (folder / "shop_user.py").write_text("import shop_library\nshop_library.fails()\n")
    monkeypatch.setattr(targets, "_OURS", str(folder / "everywire"))
    (folder / "everywire").mkdir()
    (folder / "everywire" / "shop_ours.py").write_text("import shop_user\n")
    monkeypatch.syspath_prepend(str(folder / "everywire"))
    with pytest.raises(click.ClickException) as error:
        load("shop_ours", folder)
    assert [line.strip() for line in error.value.message.splitlines() if "File" in line] == [
        f'File "{folder / "shop_user.py"}", line 2, in <module>'
    ]


def test_a_setting_that_an_application_cannot_have_is_one_line(folder, monkeypatch):
    monkeypatch.setenv("EVERYWIRE_BROKER", "redis://localhost")
    (folder / "shop_unbrokered.py").write_text(GOOD)
    with pytest.raises(click.ClickException, match=r"^EVERYWIRE_BROKER: no installed package has 'redis'.*$") as error:
        load("shop_unbrokered:app", folder)
    assert error.value.exit_code == 2


@pytest.mark.parametrize(
    ("target", "last", "lines"),
    [
        ("shop_raising:app", "ZeroDivisionError: division by zero", [2]),
        ("shop_live:fails", "KeyError: 'x'", [6]),
        ("shop_wrong:app", "ValueError: channel pattern 'room:*': wildcards are for subscribers", [9, 6]),
    ],
)
def test_an_error_of_the_applications_own_code_is_shown_by_the_lines_of_that_code_alone(folder, target, last, lines):
    with pytest.raises(click.ClickException) as error:
        load(target, folder)
    first, head, *trace, end = error.value.message.splitlines()
    assert (first, head) == (f"{target.removesuffix(':app')} fails:", "Traceback (most recent call last):")
    file = folder / f"{target.partition(':')[0]}.py"
    assert [each.rpartition(",")[0].strip() for each in trace if "File" in each] == [
        f'File "{file}", line {line}' for line in lines
    ]
    assert end.startswith(last)
    assert error.value.exit_code == 1
