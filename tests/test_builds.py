"""One set of modules, two builds: the environment chooses."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

import everywire
from everywire import builds, engine

SHOW = """
import everywire.ws.frames, everywire.engine
print(everywire.ws.frames.__file__.endswith(".py"), everywire.engine.available(), everywire.engine.native_error)
"""


def show(**environ):
    """Import everywire in a process of its own; say what it found."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("EVERYWIRE_")}
    command = [sys.executable, "-c", SHOW]
    return subprocess.run(command, env=kept | environ, capture_output=True, text=True, check=True, timeout=20).stdout


def test_the_compiled_modules_are_those_that_have_a_compiled_build():
    package = Path(everywire.__file__).parent
    typed = [source for source in package.rglob("*.py") if source.with_suffix(".pxd").exists()]
    sources = [*package.rglob("*.pyx"), *typed]
    names = {".".join(source.relative_to(package).with_suffix("").parts) for source in sources}
    assert sorted(names) == list(builds.COMPILED)


@pytest.mark.parametrize(("value", "wanted"), [("1", True), ("yes", True), ("0", False), ("", False)])
def test_the_environment_asks_for_the_plain_build(monkeypatch, value, wanted):
    monkeypatch.setenv("EVERYWIRE_PURE", value)
    assert builds.pure_wanted() is wanted


def test_without_the_variable_the_compiled_build_is_wanted(monkeypatch):
    monkeypatch.delenv("EVERYWIRE_PURE", raising=False)
    assert not builds.pure_wanted()


def test_the_plain_build_has_sources_and_the_portable_engine():
    assert show(EVERYWIRE_PURE="1") == "True ('portable',) EVERYWIRE_PURE asks for the plain build\n"


@pytest.mark.skipif("native" not in engine.available(), reason="no compiled build here")
def test_the_compiled_build_has_both_engines():
    assert show() == "False ('native', 'portable') None\n"


def test_the_finder_sees_nothing_but_this_package(monkeypatch):
    monkeypatch.setenv("EVERYWIRE_PURE", "1")
    monkeypatch.setattr(sys, "meta_path", [])
    builds.prefer_source()
    builds.prefer_source()
    (finder,) = sys.meta_path
    folder = os.path.dirname(builds.__file__)
    assert finder.find_spec("everywire.builds", [folder]).origin == builds.__file__
    assert finder.find_spec("everywire.nothing", [folder]) is None
    assert finder.find_spec("json.decoder", [folder]) is None
    assert finder.find_spec("everywire") is None


UNFITTING = """
import sys
class Finder:
    def find_spec(self, name, path, target=None):
        if name == "everywire.engine.native":
            raise ValueError("everywire.ws.frames.Limits size changed")  # as Cython says it
sys.meta_path.insert(0, Finder())
"""


def test_modules_that_do_not_fit_together_leave_the_portable_engine():
    kept = {name: value for name, value in os.environ.items() if not name.startswith("EVERYWIRE_")}
    command = [sys.executable, "-c", UNFITTING + SHOW]
    found = subprocess.run(command, env=kept, capture_output=True, text=True, check=True, timeout=20).stdout
    assert "('portable',)" in found
    if not builds.pure_wanted():
        assert "size changed" in found
