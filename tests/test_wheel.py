"""What a wheel brings: types for type checkers, the command, what tests and clients need."""

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
TOLD = ("pyproject.toml", "setup.py", "README.md", "LICENSE", "MANIFEST.in")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    folder = tmp_path_factory.mktemp("wheel")
    ignored = shutil.ignore_patterns("*.so", "*.c", "__pycache__", "*.egg-info")
    shutil.copytree(ROOT / "src", folder / "src", ignore=ignored)
    for name in TOLD:
        shutil.copy(ROOT / name, folder / name)
    command = [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "--no-build-isolation", "-w", "made", "."]
    environment = {**os.environ, "EVERYWIRE_PURE": "1"}
    subprocess.run(command, cwd=folder, env=environment, check=True, timeout=300)
    [made] = (folder / "made").glob("*.whl")
    return zipfile.ZipFile(made)


@pytest.mark.slow
def test_a_wheel_is_typed_and_whole(wheel):
    names = set(wheel.namelist())
    assert {"everywire/py.typed", "everywire/_static/everywire.js", "everywire_pytest.py"} <= names
    here = {path.relative_to(ROOT / "src").as_posix() for path in (ROOT / "src/everywire").rglob("*.py")}
    assert here <= names


@pytest.mark.slow
def test_a_wheel_brings_its_command_and_what_pytest_finds(wheel):
    [told] = [name for name in wheel.namelist() if name.endswith("entry_points.txt")]
    text = wheel.read(told).decode()
    assert "everywire = everywire.cli:main" in text
    assert "[pytest11]" in text
