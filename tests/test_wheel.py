"""What a wheel brings: types for type checkers, the command, what tests and clients need. What a source distribution brings, to be compiled."""

import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
TOLD = ("pyproject.toml", "setup.py", "README.md", "LICENSE", "MANIFEST.in")


COMPILED_FROM = {".py", ".pyx", ".pxd", ".pxi", ".h"}
PURE = {**os.environ, "EVERYWIRE_PURE": "1"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """What a checkout has, as far as it is packed."""
    folder = tmp_path_factory.mktemp("checkout")
    ignored = shutil.ignore_patterns("*.so", "*.c", "__pycache__", "*.egg-info")
    shutil.copytree(ROOT / "src", folder / "src", ignore=ignored)
    for name in TOLD:
        shutil.copy(ROOT / name, folder / name)
    return folder


@pytest.fixture(scope="module")
def wheel(folder):
    command = [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "--no-build-isolation", "-w", "made", "."]
    subprocess.run(command, cwd=folder, env=PURE, check=True, timeout=300)
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


@pytest.mark.slow
def test_a_source_distribution_has_all_that_is_compiled(folder):
    command = [sys.executable, "setup.py", "-q", "sdist", "-d", "packed"]
    subprocess.run(command, cwd=folder, env=PURE, check=True, capture_output=True, timeout=300)
    [packed] = (folder / "packed").glob("*.tar.gz")
    with tarfile.open(packed) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    sources = {path for path in (folder / "src/everywire").rglob("*") if path.suffix in COMPILED_FROM}
    assert {path.suffix for path in sources} == COMPILED_FROM
    assert {path.relative_to(folder).as_posix() for path in sources} <= names
