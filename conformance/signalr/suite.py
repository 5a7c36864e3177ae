"""The functional tests of SignalR's JavaScript client: fetched into the testbed, bundled against npm's packages, run in Node and in Chromium.

They run unmodified. A bundle of esbuild takes the place of their own build, and `jasmine.cjs` and `page.html` that of their own runners.
"""

from __future__ import annotations

import functools
import hashlib
import http.server
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from mocha import Score, Unavailable, testbed  # noqa: E402 - found by the line above

REPOSITORY = "https://github.com/dotnet/aspnetcore"
COMMIT = "a104f9d3c7990446326ca03d1dd777f41a6c4f53"
FOLDER = "src/SignalR/clients/ts/FunctionalTests/ts"
DIGEST = "045bf042659887cb4e6aba59b0be2762226caaeba274f602e9e874bf3fc87c0e"
PACKAGES = (
    "@microsoft/signalr@10.0.0",
    "@microsoft/signalr-protocol-msgpack@10.0.0",
    "jasmine@3.10.0",
    "jasmine-core@3.10.1",
    "esbuild@0.25.12",
    "rxjs@7.8.2",
    "es6-promise@4.2.8",
)
HOME = testbed.HOME / "suites" / "signalr"
PATIENCE = 240  # seconds for one run, which takes a few
# What a build for browsers puts in the place of Node's globals.
BROWSER = ('--define:process={"platform":"browser","env":{}}', "--define:global=window", "--format=iife")


@dataclass(frozen=True)
class Urls:
    """Where the servers under test are."""

    plain: str
    secure: str


def found() -> str:
    """The SHA-256 of the tests that are there."""
    digest = hashlib.sha256()
    for file in sorted((HOME / "ts").glob("*.ts")):
        digest.update(f"{file.name}\0".encode() + file.read_bytes())
    return digest.hexdigest()


def install(source: str | None = None) -> None:
    """Have the tests and their packages, and bundle them; raises Unavailable.

    `source` is their own folder, a clone of the repository or another address of it; without one, what was fetched before is good.
    """
    if source is not None or not (HOME / "ts" / "index.ts").exists():
        fetch(source or os.environ.get("EVERYWIRE_SIGNALR_SUITE") or REPOSITORY)
    packages = testbed.npm(*PACKAGES)
    link = HOME / "node_modules"
    if not link.is_symlink() or link.resolve() != packages / "node_modules":
        link.unlink(missing_ok=True)
        link.symlink_to(packages / "node_modules")
    bundle("node.cjs", "--platform=node", "--format=cjs", "--main-fields=module,main")
    bundle("browser.js", "--platform=browser", *BROWSER)


def fetch(source: str) -> None:
    """Copy the tests from a folder, or fetch COMMIT by git."""
    for folder in (Path(source), Path(source) / FOLDER):
        if (folder / "index.ts").exists():
            return keep(folder)
    with tempfile.TemporaryDirectory() as clone:
        for words in (
            "init -q",
            f"fetch -q --depth 1 --filter=blob:none {source} {COMMIT}",
            f"checkout -q FETCH_HEAD -- {FOLDER}",
        ):
            done = subprocess.run(["git", "-C", clone, *words.split()], capture_output=True, text=True)
            if done.returncode:
                raise Unavailable(advice(source, done.stderr))
        keep(Path(clone) / FOLDER)
    return None


def keep(folder: Path) -> None:
    """Put the tests in their place."""
    shutil.rmtree(HOME, ignore_errors=True)
    shutil.copytree(folder, HOME / "ts")


def advice(source: str, complaint: str) -> str:
    """What to do where git could not fetch them."""
    said = (complaint.strip().splitlines() or ["git failed"])[-1]
    return (
        f"the functional tests of SignalR cannot be fetched from {source}: {said}\n"
        f"On a machine that reaches it: git clone --depth 1 {REPOSITORY} (their commit here is {COMMIT[:12]})\n"
        f"Then, here: --suite CLONE, or --suite CLONE/{FOLDER}; it is asked for once."
    )


def bundle(name: str, *options: str) -> None:
    """Make one file of the tests and what they import, unless it is there already."""
    target = HOME / name
    stamp = hashlib.sha256(repr((found(), PACKAGES, options)).encode()).hexdigest()
    noted = target.with_suffix(".stamp")
    if target.exists() and noted.exists() and noted.read_text() == stamp:
        return
    esbuild = HOME / "node_modules" / "esbuild" / "bin" / "esbuild"
    command = [str(testbed.node()), str(esbuild), "ts/index.ts", "--bundle", f"--outfile={name}", *options]
    done = subprocess.run(command, cwd=HOME, capture_output=True, text=True, check=False)
    if done.returncode:
        raise Unavailable(f"esbuild failed: {done.stderr.strip()[-500:]}")
    noted.write_text(stamp)


def in_node(urls: Urls, log: Path) -> list[dict[str, Any]]:
    """Run all tests in Node; gives what became of each. What they say goes to `log`."""
    report = HOME / f"report-{os.getpid()}.json"
    report.unlink(missing_ok=True)
    environment = {
        **os.environ,
        "SERVER_URL": f"{urls.secure};{urls.plain}",
        "NODE_TLS_REJECT_UNAUTHORIZED": "0",
        "NODE_PATH": str(HOME / "node_modules"),
        "REPORT": str(report),
    }
    command = [str(testbed.node()), str(HERE / "jasmine.cjs"), str(HOME / "node.cjs")]
    with log.open("w") as said:
        subprocess.run(command, env=environment, stdout=said, stderr=said, timeout=PATIENCE, check=False)
    if not report.exists():
        return []
    read: list[dict[str, Any]] = json.loads(report.read_text())
    report.unlink()
    return read


def in_chromium(urls: Urls, log: Path) -> list[dict[str, Any]]:
    """Run all tests in Chromium, in a page of another origin than the servers'; gives what became of each."""
    from playwright.sync_api import sync_playwright

    arguments = [*testbed.CHROMIUM_ARGS, "--ignore-certificate-errors"]
    with pages() as origin, sync_playwright() as playwright, log.open("w") as said:
        chromium = playwright.chromium.launch(executable_path=testbed.chromium(), args=arguments)
        page = chromium.new_context(ignore_https_errors=True).new_page()
        page.on("console", lambda message: print(message.text, file=said))
        page.on("pageerror", lambda error: print(error, file=said))
        page.goto(f"{origin}/page.html?server={urls.secure};{urls.plain}")
        page.wait_for_function("window.results !== undefined", timeout=PATIENCE * 1000)
        read: list[dict[str, Any]] = page.evaluate("window.results")
        chromium.close()
    return read


@contextmanager
def pages() -> Iterator[str]:
    """Serve the tests' page, at an origin of its own."""
    places = {"/page.html": HERE / "page.html", "/browser.js": HOME / "browser.js"}
    for name in ("jasmine.js", "jasmine-html.js", "boot.js"):
        places[f"/{name}"] = HOME / "node_modules" / "jasmine-core" / "lib" / "jasmine-core" / name
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Pages, places))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


class Pages(http.server.BaseHTTPRequestHandler):
    """Answers with files by their paths."""

    def __init__(self, places: dict[str, Path], *connection: Any) -> None:
        """`places` are the files."""
        self.places = places
        super().__init__(*connection)

    def do_GET(self) -> None:
        """Answer one request."""
        file = self.places.get(self.path.partition("?")[0])
        body = file.read_bytes() if file is not None else b""
        self.send_response(200 if file is not None else 404)
        kind = "text/html" if file is not None and file.suffix == ".html" else "text/javascript"
        self.send_header("Content-Type", f"{kind}; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *words: Any) -> None:
        """Say nothing."""


def score(results: list[dict[str, Any]], expected: int | None, seconds: float) -> Score:
    """Read what became of each test: several have one title, so that the later ones are told by a number."""
    failures: dict[str, str] = {}
    passes = 0
    for result in results:
        if result["status"] == "passed":
            passes += 1
            continue
        title, number = result["name"], 1
        while title in failures:
            number += 1
            title = f"{result['name']} #{number}"
        failures[title] = (result["errors"] or [result["status"]])[0].splitlines()[0]
    return Score(expected, passes, failures, seconds)
