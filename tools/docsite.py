"""Builds the documentation's site: lays out the pages, writes the reference, and has zensical make site/ of them.

`python tools/docsite.py`, or `make docs`. Links that lead out of docs/ go to copies of the repository's other documents, under project/, or become plain
text where they lead to sources. A link that leads nowhere, and a page that no menu names, end it with an error.
"""

from __future__ import annotations

import argparse
import os
import posixpath
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parent.parent
ELSEWHERE = (
    "README.md",
    "ARCHITECTURE.md",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "clients/js/README.md",
    "bench/README.md",
)
SECTIONS = {
    "coming-from": "Coming from",
    "dialects": "Reference",
    "reference": "Reference",
    "decisions": "Explanations",
}
BESIDE = {"project": "Contributing"}
_LINK = re.compile(r"(!?)\[((?:[^\[\]]|\[[^\]]*\])*)\]\(([^)\s]+)\)")
DARK = re.compile(r"@media \(prefers-color-scheme: dark\) \{((?:[^{}]*\{[^{}]*\})*)\s*\}")
_FENCE = re.compile(r"^(```.*?^```$|<pre.*?</pre>)", re.MULTILINE | re.DOTALL)


class Broken(Exception):
    """What is wrong with the pages."""


def documents(root: Path) -> dict[str, str]:
    """Give where each document of the repository is in the site, both relative."""
    inside = {
        path.relative_to(root).as_posix(): path.relative_to(root / "docs").as_posix()
        for path in (root / "docs").rglob("*.md")
    }
    others = [name for name in ELSEWHERE if (root / name).exists()]
    others += [path.relative_to(root).as_posix() for path in sorted(root.glob("examples/*/README.md"))]
    flat = {name: name.lower().replace("/readme.md", ".md").replace("/", "-") for name in others}
    return inside | {name: f"project/{short}" for name, short in flat.items()}


def rewritten(text: str, here: str, places: dict[str, str], root: Path) -> str:
    """Have the links of a document, which is `here` in the repository, lead to where others are in the site; code is left alone."""
    parts = _FENCE.split(text)
    return "".join(
        part if number % 2 else _LINK.sub(lambda link: _led(link, here, places, root), part)
        for number, part in enumerate(parts)
    )


def _led(link: re.Match[str], here: str, places: dict[str, str], root: Path) -> str:
    mark, words, target = link.groups()
    path, hash_, anchor = target.partition("#")
    if "://" in target or target.startswith(("mailto:", "#")) or not path:
        return link[0]
    found = posixpath.normpath(posixpath.join(posixpath.dirname(here), path))
    if found in places:
        away = posixpath.relpath(places[found], posixpath.dirname(places[here]) or ".")
        return f"{mark}[{words}]({away}{hash_}{anchor})"
    if not (root / found).exists():
        raise Broken(f"{here}: {target} leads nowhere")
    if not found.startswith("docs/"):
        return words
    away = posixpath.relpath(found.removeprefix("docs/"), posixpath.dirname(places[here]) or ".")
    if mark and DARK.search((root / found).read_text() if found.endswith(".svg") else ""):
        return "".join(f"![{words}]({posixpath.splitext(away)[0]}-{way}.svg#only-{way})" for way in ("light", "dark"))
    return f"{mark}[{words}]({away}{hash_}{anchor})"


def laid_out(root: Path, folder: Path) -> None:
    """Put all pages, and what they show, into `folder`."""
    shutil.rmtree(folder, ignore_errors=True)
    places = documents(root)
    for path in (root / "docs").rglob("*"):
        if path.is_file() and path.suffix != ".md":
            for name, content in _drawn(path):
                _put(folder / path.relative_to(root / "docs").with_name(name), content)
    for here, there in places.items():
        _put(folder / there, rewritten((root / here).read_text(), here, places, root).encode())


def _drawn(path: Path) -> Iterator[tuple[str, bytes]]:
    """Give a file, by its name, or what is shown of a picture: it goes by what the reader's machine likes, and pages by what their switch says."""
    text = path.read_text() if path.suffix == ".svg" else ""
    if DARK.search(text):
        yield f"{path.stem}-light.svg", DARK.sub("", text).encode()
        yield f"{path.stem}-dark.svg", DARK.sub(r"\1", text).encode()
    else:
        yield path.name, path.read_bytes()


def _put(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def menu(given: list[dict[str, list[Any]]], folder: Path) -> list[dict[str, list[Any]]]:
    """Complete a menu by the pages that it does not name; raises `Broken` for one that there is not.

    What a section does not name goes to its end, or into a group of it that is empty.
    """
    named = [*pages(given)]
    there = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*.md"))
    if missing := sorted(set(named) - set(there)):
        raise Broken(f"mkdocs.yml names pages that there are not: {', '.join(missing)}")
    sections = {title: [*entries] for section in given for title, entries in section.items()}
    rest: dict[str, list[str]] = {}
    for page in there:
        if page not in named:
            top = page.split("/")[0] if "/" in page else ""
            rest.setdefault((SECTIONS | BESIDE).get(top, "Guides"), []).append(page)
    for title, others in rest.items():
        empty = [entry for entry in sections[title] if isinstance(entry, dict) and [] in entry.values()]
        if empty:
            empty[0].update(dict.fromkeys(empty[0], others))
        else:
            sections[title] += others
    return [{title: entries} for title, entries in sections.items()]


def pages(entries: list[Any]) -> Iterator[str]:
    """Give the pages of a menu; an entry may have a title of its own, or be a group of others."""
    for entry in entries:
        match entry:
            case str():
                yield entry
            case dict():
                yield from pages([*entry.values()])
            case list():
                yield from pages(entry)


def build(root: Path = ROOT) -> Path:
    """Build the site; gives its folder. Raises `Broken`."""
    folder = root / "build" / "docs"
    laid_out(root, folder)
    told = {**os.environ, "EVERYWIRE_PURE": "1"}
    _run([sys.executable, str(ROOT / "tools" / "reference.py"), str(folder / "reference")], root, told)
    settings = yaml.safe_load((root / "mkdocs.yml").read_text())
    settings["nav"] = menu(settings["nav"], folder)
    settings |= {"docs_dir": "docs", "site_dir": "site"}  # zensical writes nothing beside its configuration
    (root / "build" / "mkdocs.yml").write_text(yaml.safe_dump(settings, sort_keys=False))
    program = Path(sys.executable).with_name("zensical")
    _run([str(program), "build", "--clean", "--strict", "-f", str(root / "build" / "mkdocs.yml")], root / "build", told)
    shutil.rmtree(root / "site", ignore_errors=True)
    return (root / "build" / "site").rename(root / "site")


def _run(command: list[str], folder: Path, environment: dict[str, str]) -> None:
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise Broken(re.sub(r"\x1b\[[0-9;]*m", "", done.stdout + done.stderr)[-4000:])


if __name__ == "__main__":
    argparse.ArgumentParser(description=__doc__).parse_args()
    try:
        print(f"{build().relative_to(ROOT)}/index.html")
    except Broken as error:
        sys.exit(str(error))
