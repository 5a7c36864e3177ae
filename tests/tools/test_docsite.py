"""The site is built strictly: no link leads nowhere, no page is in no menu, and what is public is in the reference."""

import html
import re
import subprocess
import sys
from functools import cache
from pathlib import Path
from urllib.parse import unquote, urlsplit
from xml.etree import ElementTree

import pytest
import yaml

import docsite
import reference
from docsite import Broken, documents, laid_out, menu, rewritten

ROOT = Path(__file__).resolve().parents[2]
OURS = {".git", "build", "site"}
LINK = re.compile(r'(?:href|src)="([^"]*)"')
CODE = re.compile(r"<(pre|code)\b.*?</\1>", re.DOTALL)  # a program may have addresses in it
ANCHOR = re.compile(r'\bid="([^"]*)"')


@pytest.fixture(scope="module")
def repository(tmp_path_factory):
    """The repository as it is, but for what is built."""
    root = tmp_path_factory.mktemp("repository")
    for path in ROOT.iterdir():
        if path.name not in OURS:
            (root / path.name).symlink_to(path)
    return root


def test_every_document_is_laid_out_and_in_a_menu(repository, tmp_path):
    laid_out(repository, tmp_path)
    for name in ("index", *(page.name for page in reference.PAGES)):
        docsite._put(tmp_path / "reference" / f"{name}.md", b"# Reference\n")
    sections = menu(yaml.safe_load((ROOT / "mkdocs.yml").read_text())["nav"], tmp_path)
    named = [*docsite.pages(sections)]
    assert sorted(named) == sorted(path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*.md"))


def test_links_out_of_the_documentation_lead_to_copies():
    places = documents(ROOT)
    said = rewritten("[r](../README.md#install) [s](settings.md) [x](https://x)", "docs/cli.md", places, ROOT)
    assert said == "[r](project/readme.md#install) [s](settings.md) [x](https://x)"
    assert rewritten("[back](docs/cli.md)", "README.md", places, ROOT) == "[back](../cli.md)"
    assert rewritten("[source](../src/everywire)", "docs/cli.md", places, ROOT) == "source"
    assert rewritten("```\n[r](../README.md)\n```", "docs/cli.md", places, ROOT) == "```\n[r](../README.md)\n```"


def test_a_link_that_leads_nowhere_is_an_error():
    with pytest.raises(Broken, match=r"docs/cli.md: gone.md leads nowhere"):
        rewritten("[x](gone.md)", "docs/cli.md", documents(ROOT), ROOT)


def test_pictures_go_by_the_switch_of_the_page(repository, tmp_path):
    laid_out(repository, tmp_path)
    pictures = [path.stem for path in (ROOT / "docs" / "assets").glob("*.svg")]
    assert len(pictures) > 10
    for name in pictures:
        light, dark = ((tmp_path / "assets" / f"{name}-{way}.svg").read_text() for way in ("light", "dark"))
        for text in (light, dark):
            assert ElementTree.fromstring(text).get("aria-label")
            assert "@media" not in text
        assert light != dark
    shown = rewritten("![A chart](docs/assets/transports.svg)", "README.md", documents(ROOT), ROOT)
    assert shown == "".join(f"![A chart](../assets/transports-{way}.svg#only-{way})" for way in ("light", "dark"))


def test_a_menu_of_pages_that_there_are_not_is_an_error(tmp_path):
    with pytest.raises(Broken, match=r"names pages that there are not: gone.md"):
        menu([{"Guides": ["gone.md"]}], tmp_path)


def test_what_a_menu_does_not_name_goes_to_its_section_or_into_a_group_there(tmp_path):
    for name in ("index", "new", "decisions/001-a", "reference/a"):
        docsite._put(tmp_path / f"{name}.md", b"# A page\n")
    given = [
        {"Guides": ["index.md"]},
        {"Reference": [{"In Python": ["reference/a.md"]}]},
        {"Explanations": [{"Decisions": []}]},
    ]
    assert menu(given, tmp_path) == [
        {"Guides": ["index.md", "new.md"]},
        {"Reference": [{"In Python": ["reference/a.md"]}]},
        {"Explanations": [{"Decisions": ["decisions/001-a.md"]}]},
    ]


@pytest.mark.parametrize("tool", ["docsite", "reference"])
def test_who_asks_for_help_gets_no_pages(tmp_path, tool):
    told = subprocess.run(
        [sys.executable, str(ROOT / "tools" / f"{tool}.py"), "--help"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert (told.returncode, told.stderr) == (0, "")
    assert told.stdout.startswith("usage: ")
    assert not [*tmp_path.iterdir()]


@pytest.fixture(scope="module")
def site(repository):
    return docsite.build(repository)


def checked(site: Path, page: Path, link: str) -> bool:
    """Whether a link of a page leads to something in the site, and to an anchor that is there."""
    parts = urlsplit(html.unescape(link))
    if parts.scheme or parts.netloc or link.startswith("data:"):
        return True
    path = unquote(parts.path)
    target = page if not path else (site / path.lstrip("/") if path.startswith("/") else page.parent / path)
    target = target / "index.html" if target.is_dir() else target
    if not target.exists():
        return False
    if parts.fragment in ("only-light", "only-dark"):
        return target.suffix == ".svg"  # when it is shown, not where
    return not parts.fragment or unquote(parts.fragment) in anchors(target)


@cache
def anchors(page: Path) -> set[str]:
    return set(ANCHOR.findall(page.read_text()))


@pytest.mark.slow
def test_every_link_of_the_site_leads_somewhere(site):
    pages = [path for path in site.rglob("*.html") if path.name != "404.html"]
    assert len(pages) > 40
    broken = [
        f"{page.relative_to(site)}: {link}"
        for page in pages
        for link in set(LINK.findall(CODE.sub("", page.read_text())))
        if not checked(site, page, link)
    ]
    assert not broken
