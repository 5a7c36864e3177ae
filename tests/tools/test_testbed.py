"""The testbed's programs work: the browser shows a page, Node runs a script."""

import subprocess
from pathlib import Path

import pytest

import testbed


@pytest.mark.browser
async def test_the_browser_shows_a_page(page):
    await page.goto("data:text/html;charset=utf-8,<h1>Grüße ✓</h1>")
    assert await page.inner_text("h1") == "Grüße ✓"
    picture = await page.screenshot()
    assert picture.startswith(b"\x89PNG")


def test_node_runs_a_script(node: Path):
    done = subprocess.run([node, "-p", "6 * 7"], capture_output=True, text=True, check=True)
    assert done.stdout == "42\n"


@pytest.mark.parametrize(
    ("modules", "why"),
    [("", "is no JDK"), ("java.base@21.0.1\njdk.compiler@11.0.2\n", "is no JDK of version 17 or newer")],
    ids=["without a compiler", "too old"],
)
def test_a_java_that_cannot_run_sources_is_none(tmp_path, monkeypatch, modules, why):
    program = tmp_path / "java"
    program.write_text(f"#!/bin/sh\nprintf '{modules}'\n")
    program.chmod(0o755)
    monkeypatch.setenv("EVERYWIRE_JAVA", str(program))
    with pytest.raises(testbed.Unavailable, match=why):
        testbed.java()


def test_jars_are_fetched_by_maven_alone(tmp_path, monkeypatch):
    monkeypatch.setattr(testbed, "HOME", tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(testbed.Unavailable, match="no Maven"):
        testbed.maven("a:b:1")
    folder = tmp_path / "maven" / "a-b-1"
    folder.mkdir(parents=True)
    (folder / ".complete").touch()
    assert testbed.maven("a:b:1") == folder
