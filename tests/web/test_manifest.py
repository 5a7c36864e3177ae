"""The committed JavaScript is what its sources make: checked by hashes, without Node."""

import hashlib
import json
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
STATIC = ROOT / "src" / "everywire" / "_static"
MANIFEST = json.loads((STATIC / "manifest.json").read_text())
SOURCES = ("clients/js/src", "examples/chat/page")
STALE = "run `make web` and commit what it changes"


def hashes(paths: list[Path]) -> dict[str, str]:
    return {path.relative_to(ROOT).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in paths}


def files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


@pytest.mark.parametrize("kind", ["sources", "outputs"])
def test_every_file_is_as_it_was_at_the_build(kind):
    named = MANIFEST[kind]
    assert hashes([ROOT / name for name in named if (ROOT / name).is_file()]) == named, STALE


def test_no_source_is_left_out():
    found = hashes([path for folder in SOURCES for path in files(ROOT / folder)])
    assert found.keys() <= MANIFEST["sources"].keys(), STALE


def test_nothing_else_is_served():
    found = hashes([path for path in files(STATIC) if path.name != "manifest.json"])
    assert found.keys() == MANIFEST["outputs"].keys(), STALE


def test_the_chat_that_is_served_is_the_example():
    """What the build copies from the example's page, byte for byte; the rest of it is bundled into one script."""
    page, served = ROOT / "examples" / "chat" / "page", STATIC / "chat"
    copied = {path.name: path.read_bytes() for path in files(page) if path.suffix != ".ts"}
    assert copied.keys() == {"chat.css", "icon.svg", "index.html"}
    assert {path.name: path.read_bytes() for path in files(served) if path.name != "chat.js"} == copied, STALE


def test_the_client_is_small():
    """Minified; gzipped it is about a third of this."""
    assert (STATIC / "everywire.js").stat().st_size < 29_000
