"""Where the benchmark's files are."""

from __future__ import annotations

from pathlib import Path

BENCH = Path(__file__).resolve().parent.parent
REPOSITORY = BENCH.parent
BUILD = BENCH / ".build"
NODE_MODULES = BUILD / "node"
CERTIFICATE, KEY = BUILD / "cert.pem", BUILD / "key.pem"
RESULTS = BENCH / "results"
DOCS = REPOSITORY / "docs"
