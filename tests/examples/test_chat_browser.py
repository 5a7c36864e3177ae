"""The chat in real Chromium tabs on the real server, with a network that is cut and comes back."""

import json
import runpy
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from playwright.async_api import Browser, BrowserContext, Locator, Page, expect
from tests.examples.serving import served
from tests.examples.wire import Wire

from everywire.demo import chat
from everywire.hub.settings import Settings

pytestmark = [pytest.mark.browser, pytest.mark.anyio]

LINGER = 0.3
ATTACK = "<img src=x onerror=\"document.title='broken'\"><script>document.title='broken'</script>"
EXAMPLE = Path(__file__).resolve().parent.parent.parent / "examples" / "chat" / "app.py"
expect.set_options(timeout=15_000)


@dataclass
class Stage:
    """A browser and two ways to one server: straight, and over a wire that can be cut."""

    browser: Browser
    straight: str
    wire: Wire
    contexts: list[BrowserContext] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    async def enter(self, name: str, address: str | None = None, **options: object) -> "Tab":
        """Open a tab of somebody who was here before, and wait until they are in the room."""
        context = await self.browser.new_context(**options)
        self.contexts.append(context)
        person = json.dumps(json.dumps({"id": f"id-{name}", "name": name}))
        await context.add_init_script(f"location.host && localStorage.setItem('everywire-chat-me', {person})")
        page = await context.new_page()
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on(
            "console", lambda said: self.errors.append(said.text) if "Content Security Policy" in said.text else None
        )
        await page.goto(address or self.straight)
        tab = Tab(page)
        await tab.is_connected()
        return tab


@dataclass
class Tab:
    """The chat page as its reader sees and uses it."""

    page: Page

    @property
    def messages(self) -> Locator:
        return self.page.locator("#messages .body")

    async def say(self, *texts: str) -> None:
        for text in texts:
            await self.page.fill("#composer", text)
            await self.page.press("#composer", "Enter")

    async def reads(self, *texts: str) -> None:
        """Wait until exactly these messages are shown, in this order."""
        await expect(self.messages).to_have_text(list(texts), use_inner_text=True)

    async def sees(self, *names: str) -> None:
        """Wait until exactly these people are listed, in this order."""
        await expect(self.page.locator("#people .name")).to_have_text(list(names))

    async def is_connected(self) -> None:
        await expect(self.page.locator("#link")).to_have_attribute("data-state", "connected")

    async def is_cut_off(self) -> None:
        await expect(self.page.locator("#link")).to_have_attribute("data-state", "waiting")
        await expect(self.page.locator("#banner")).to_contain_text("What you write now is sent as soon as it is back")


@pytest.fixture
async def stage(browser: Browser) -> AsyncIterator[Stage]:
    """A server of its own for each test; no page of the test may have had an error."""
    async with served(chat(Settings(linger=LINGER))) as port, Wire(port).open() as wire:
        made = Stage(browser, f"http://127.0.0.1:{port}/", wire)
        yield made
        for context in made.contexts:
            await context.close()
        assert made.errors == []


async def test_a_message_arrives_in_the_other_tab(stage: Stage) -> None:
    ada, grace = await stage.enter("Ada"), await stage.enter("Grace")
    await ada.say("Hello, Grace!")
    await grace.reads("Hello, Grace!")
    await expect(grace.page.locator(".theirs .author")).to_have_text("Ada")
    await grace.say("Hello, Ada!")
    for tab in (ada, grace):
        await tab.reads("Hello, Grace!", "Hello, Ada!")
    await expect(ada.page.locator(".mine.sent")).to_have_count(1)


async def test_typing_is_told_and_ends_with_the_message(stage: Stage) -> None:
    ada, grace = await stage.enter("Ada"), await stage.enter("Grace")
    await grace.page.fill("#composer", "Hm")
    await expect(ada.page.locator("#typing")).to_have_text("Grace is typing…")
    await grace.say("Hm.")
    await expect(ada.page.locator("#typing")).to_have_text("")
    await ada.reads("Hm.")


async def test_who_comes_later_reads_what_was_said(stage: Stage) -> None:
    ada = await stage.enter("Ada")
    await ada.say("one", "two", "three")
    await expect(ada.page.locator(".mine.sent")).to_have_count(3)
    grace = await stage.enter("Grace")
    await grace.reads("one", "two", "three")


async def test_markup_is_text(stage: Stage) -> None:
    ada, grace = await stage.enter("Ada"), await stage.enter('<b onclick="x">G</b>')
    await grace.say(ATTACK)
    await ada.reads(ATTACK)
    await ada.sees("Ada", '<b onclick="x">G</b>')
    assert await ada.page.locator("#messages img, #messages script, #people b").count() == 0
    assert "broken" not in await ada.page.title()


async def test_presence_counts_people_and_not_their_tabs(stage: Stage) -> None:
    ada, grace = await stage.enter("Ada"), await stage.enter("Grace")
    second = await stage.enter("Grace")
    await ada.sees("Ada", "Grace")
    await expect(ada.page.locator(".person .note")).to_have_text("2 tabs")
    await second.page.close(run_before_unload=True)
    await expect(ada.page.locator(".person .note")).to_have_count(0)
    await ada.sees("Ada", "Grace")
    await grace.page.goto("about:blank")
    await ada.sees("Ada")


async def test_a_short_cut_loses_nothing_doubles_nothing_and_nobody_leaves(browser: Browser) -> None:
    async with served(chat(Settings(linger=60))) as port, Wire(port).open() as wire:
        stage = Stage(browser, f"http://127.0.0.1:{port}/", wire)
        ada, grace = await stage.enter("Ada", wire.address), await stage.enter("Grace")
        leaves = await _count_leaves(grace.page)
        await ada.say("before")
        await grace.reads("before")
        wire.cut()
        await ada.is_cut_off()
        await ada.say("mine 1", "mine 2")
        await grace.say("yours 1", "yours 2", "yours 3")
        await ada.reads("before", "mine 1", "mine 2")
        await expect(ada.page.locator(".mine.sending")).to_have_count(2)
        await grace.sees("Grace", "Ada")
        wire.heal()
        await ada.is_connected()
        await expect(ada.page.locator("#banner")).to_have_text("Back. 3 messages came meanwhile, all are here.")
        await grace.say("after")
        for tab in (ada, grace):
            await tab.reads("before", "yours 1", "yours 2", "yours 3", "mine 1", "mine 2", "after")
        await expect(ada.page.locator(".mine.sent")).to_have_count(3)
        await ada.sees("Ada", "Grace")
        await grace.sees("Grace", "Ada")
        assert await leaves() == 0
        for context in stage.contexts:
            await context.close()
        assert stage.errors == []


async def test_a_long_cut_is_a_leave_and_a_join_and_still_loses_nothing(stage: Stage) -> None:
    ada, grace = await stage.enter("Ada", stage.wire.address), await stage.enter("Grace")
    await ada.say("before")
    await grace.reads("before")
    stage.wire.cut()
    await ada.is_cut_off()
    await grace.sees("Grace")
    await grace.say("yours")
    await ada.say("mine")
    stage.wire.heal()
    await grace.sees("Grace", "Ada")
    await ada.sees("Ada", "Grace")
    await grace.say("after")
    for tab in (ada, grace):
        await tab.reads("before", "yours", "mine", "after")


async def test_many_cuts_in_the_middle_of_writing(stage: Stage) -> None:
    """Whether a message was confirmed when the line went is chance; that it is there once is not."""
    ada, grace = await stage.enter("Ada", stage.wire.address), await stage.enter("Grace")
    for number in range(0, 15, 3):
        await ada.say(f"a{number}", f"a{number + 1}")
        stage.wire.cut()
        await ada.say(f"a{number + 2}")
        stage.wire.heal()
    said = [f"a{number}" for number in range(15)]
    await grace.reads(*said)
    await ada.reads(*said)
    await grace.say("end")
    for tab in (ada, grace):
        await tab.reads(*said, "end")


async def test_rooms_are_opened_listed_and_kept_apart(stage: Stage) -> None:
    ada, grace = await stage.enter("Ada"), await stage.enter("Grace")
    await ada.say("in the lobby")
    await grace.reads("in the lobby")
    await ada.page.fill("#new-room-name", "Tea & Cake!")
    await ada.page.press("#new-room-name", "Enter")
    await expect(ada.page.locator("h1")).to_have_text("# tea-cake")
    await expect(ada.page.locator("#empty")).to_be_visible()
    await grace.sees("Grace")
    await grace.page.get_by_role("link", name="tea-cake").click()
    await ada.sees("Ada", "Grace")
    await grace.say("cake?")
    await ada.reads("cake?")
    await ada.page.keyboard.press("Alt+ArrowDown")
    await expect(ada.page.locator("h1")).to_have_text("# lobby")
    await ada.reads("in the lobby")


async def test_the_first_visit_asks_for_a_name_and_remembers_it(stage: Stage) -> None:
    context = await stage.browser.new_context()
    stage.contexts.append(context)
    page = await context.new_page()
    await page.goto(stage.straight)
    assert await page.input_value("#welcome-name") != ""
    await page.keyboard.press("Escape")
    await expect(page.locator("#welcome")).to_be_visible()
    await page.fill("#welcome-name", "Linus")
    await page.press("#welcome-name", "Enter")
    await Tab(page).sees("Linus")
    await page.reload()
    await Tab(page).sees("Linus")
    guest = await context.new_page()
    await guest.goto(f"{stage.straight}?guest")
    await guest.click("text=Join the chat")
    await expect(page.locator("#people-count")).to_have_text("2")


PHONE = {"viewport": {"width": 360, "height": 640}, "is_mobile": True, "has_touch": True}


async def test_a_phone_scrolls_only_downwards_and_has_a_drawer(stage: Stage) -> None:
    ada, phone = await stage.enter("Ada"), await stage.enter("Linus", **PHONE)
    long = ["x" * 500, "```\n" + "y" * 500 + "\n```", f"https://example.org/{'z' * 300}"]
    await ada.say(*long)
    await expect(phone.messages).to_have_count(3)
    sizes = "[document.documentElement.scrollWidth, scroll.scrollWidth - scroll.clientWidth]"
    wide = await phone.page.evaluate(
        f"(() => {{ const scroll = document.getElementById('scroll'); return {sizes} }})()"
    )
    assert wide == [360, 0]
    assert await phone.page.screenshot()
    await expect(phone.page.locator("#side")).to_be_hidden()
    await phone.page.tap("#open-drawer")
    await expect(phone.page.get_by_role("link", name="random")).to_be_in_viewport()
    await phone.page.get_by_role("link", name="random").tap()
    await expect(phone.page.locator("#side")).to_be_hidden()
    await expect(phone.page.locator("h1")).to_have_text("# random")


async def test_long_messages_are_folded_and_unfolded(stage: Stage) -> None:
    ada = await stage.enter("Ada")
    await ada.say("\n".join(f"line {number}" for number in range(60)))
    await expect(ada.page.locator(".mine.sent")).to_have_count(1)  # it is drawn anew then, and is nowhere for a moment
    folded = await ada.messages.bounding_box()
    await ada.page.click("text=Show all of it")
    await expect(ada.page.locator("text=Show all of it")).to_have_count(0)
    await expect(ada.messages).to_be_visible()
    unfolded = await ada.messages.bounding_box()
    assert folded is not None
    assert unfolded is not None
    assert folded["height"] < 320 < unfolded["height"]


async def test_what_the_server_refuses_is_marked_and_can_be_sent_again(browser: Browser) -> None:
    """In the example's own server file there is a room where only the server writes."""
    async with served(runpy.run_path(str(EXAMPLE))["app"]) as port:
        stage = Stage(browser, f"http://127.0.0.1:{port}/#news", Wire(port))
        ada = await stage.enter("Ada")
        await ada.say("mine")
        await expect(ada.page.locator(".mine.failed .mark")).to_have_text("Not sent")
        await ada.page.click("text=Send again")
        await expect(ada.page.locator(".mine.failed")).to_have_count(1)
        await ada.page.click("text=random")
        await expect(ada.page.locator("h1")).to_have_text("# random")
        await ada.say("here it goes")
        await expect(ada.page.locator(".mine.sent")).to_have_count(1)
        await stage.contexts[0].close()


async def _count_leaves(page: Page) -> Callable[[], Awaitable[int]]:
    """Count how often somebody disappears from the list of people from now on."""
    await page.evaluate(
        """() => {
            window.leaves = 0;
            const count = (changes) => changes.forEach(({ removedNodes }) => { window.leaves += removedNodes.length; });
            new MutationObserver(count).observe(document.getElementById("people"), { childList: true });
        }"""
    )
    return lambda: page.evaluate("window.leaves")
