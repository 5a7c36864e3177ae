"""Packages as an installer leaves them: a module, and beside it the folder that names its entry points."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from textwrap import dedent

import pytest


def installed(folder: Path, name: str, module: str, points: Mapping[str, str]) -> None:
    """Put a distribution into `folder`, with one module; `points` are its entry points by "group:name"."""
    (folder / f"{name.replace('-', '_')}.py").write_text(dedent(module))
    told = folder / f"{name.replace('-', '_')}-1.0.dist-info"
    told.mkdir(parents=True)
    (told / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    (told / "RECORD").write_text("")
    groups: dict[str, list[str]] = {}
    for place, value in points.items():
        group, _, point = place.partition(":")
        groups.setdefault(group, []).append(f"{point} = {value}")
    text = "\n".join(f"[{group}]\n" + "\n".join(lines) for group, lines in groups.items())
    (told / "entry_points.txt").write_text(f"{text}\n")


def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give an empty folder that Python finds packages in."""
    folder = tmp_path / "site"
    folder.mkdir()
    monkeypatch.syspath_prepend(str(folder))
    return folder
