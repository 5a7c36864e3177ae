"""Fixtures for every test: the event loop, and a real browser where a test asks for one."""

import gc
import os
import shutil
from collections.abc import AsyncIterator, Callable, Generator
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import pytest

import testbed

if TYPE_CHECKING:
    from playwright.async_api import Browser, Page

T = TypeVar("T")


def need(fetch: Callable[[], T]) -> T:
    """What ``fetch`` returns; where it cannot be had the test is skipped, or fails if it is required."""
    try:
        return fetch()
    except testbed.Unavailable as error:
        if os.environ.get("EVERYWIRE_TEST_REQUIRE") == "1":
            pytest.fail(str(error), pytrace=False)
        pytest.skip(str(error))


def java_with(artifact: str) -> Path:
    """The path of a Java that has a Maven artifact; too large to be fetched for these tests alone, they are skipped without."""
    try:
        java = testbed.java()
    except testbed.Unavailable as error:
        pytest.skip(str(error))
    if not shutil.which("mvn"):
        pytest.skip("no Maven: apt install maven")
    need(lambda: testbed.maven(artifact))
    return java


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Leave out of every later collection of garbage what was imported and collected: a million objects that stay to the end."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.enable()
        gc.freeze()


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    """Coroutine tests run on asyncio; each has a loop of its own unless a wider fixture holds one."""
    return "asyncio"


@pytest.fixture(scope="session")
def chromium() -> Path:
    """The path of a Chromium, to be started with ``testbed.CHROMIUM_ARGS``."""
    return need(testbed.chromium)


@pytest.fixture(scope="session")
def node() -> Path:
    """The path of a Node.js."""
    return need(testbed.node)


@pytest.fixture(scope="module")
async def browser(chromium: Path) -> "AsyncIterator[Browser]":
    """A running Chromium, one per test module; tests of that module share one event loop.

    It is asynchronous because Playwright's synchronous face keeps a loop running in the thread, in
    which no other test could run its own.
    """
    from playwright.async_api import async_playwright

    async with async_playwright() as playwright:
        started = await playwright.chromium.launch(executable_path=chromium, args=list(testbed.CHROMIUM_ARGS))
        yield started
        await started.close()


@pytest.fixture
async def page(browser: "Browser") -> "AsyncIterator[Page]":
    """A tab in a context of its own, with no cookies and nothing stored."""
    context = await browser.new_context()
    yield await context.new_page()
    await context.close()
