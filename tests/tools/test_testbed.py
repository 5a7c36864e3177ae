"""The testbed's programs work: the browser shows a page, Node runs a script."""

import subprocess
from pathlib import Path

import pytest


@pytest.mark.browser
async def test_the_browser_shows_a_page(page):
    await page.goto("data:text/html;charset=utf-8,<h1>Grüße ✓</h1>")
    assert await page.inner_text("h1") == "Grüße ✓"
    picture = await page.screenshot()
    assert picture.startswith(b"\x89PNG")


def test_node_runs_a_script(node: Path):
    done = subprocess.run([node, "-p", "6 * 7"], capture_output=True, text=True, check=True)
    assert done.stdout == "42\n"
