"""What the doctor finds, and what it advises."""

import json
import re
import tomllib
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path

import pytest

import everywire
from everywire import doctor, engine
from everywire.builds import COMPILED

HERE, NOWHERE = Path(__file__), Path("/nowhere/Python.h")


@pytest.fixture(autouse=True)
def environment(monkeypatch):
    monkeypatch.delenv("EVERYWIRE_ENGINE", raising=False)
    monkeypatch.delenv("EVERYWIRE_PURE", raising=False)
    monkeypatch.setattr(engine, "available", lambda: ("native", "portable"))


def found(section: str, name: str) -> doctor.Finding:
    return next(finding for finding in doctor.examine()[section] if finding.name == name)


def test_the_version_and_the_native_engine():
    assert everywire.__version__ in found("everywire", "version").fact
    assert found("everywire", "engine") == doctor.Finding(doctor.GOOD, "engine", "native")


def test_why_there_is_no_native_engine(monkeypatch):
    monkeypatch.setattr(engine, "available", lambda: ("portable",))
    monkeypatch.setattr(engine, "native_error", "No module named 'everywire.engine.native'")
    finding = found("everywire", "engine")
    assert finding.mark == doctor.LACKING
    assert finding.fact == "portable: No module named 'everywire.engine.native'"
    assert finding.advice


def test_a_choice_in_the_environment_is_told(monkeypatch):
    monkeypatch.setenv("EVERYWIRE_ENGINE", "portable")
    finding = found("everywire", "engine")
    assert (finding.mark, finding.advice) == (doctor.NEUTRAL, "unset EVERYWIRE_ENGINE")
    monkeypatch.setenv("EVERYWIRE_ENGINE", "steam")
    assert found("everywire", "engine").advice == "unset EVERYWIRE_ENGINE"


@pytest.mark.parametrize(
    ("programs", "headers", "advice"),
    [
        ({"gcc"}, HERE, ""),
        (set(), HERE, "apt install gcc, then "),
        ({"clang"}, NOWHERE, "apt install python3-dev, then "),
        (set(), NOWHERE, "apt install gcc python3-dev, then "),
    ],
)
def test_how_to_get_it(monkeypatch, programs, headers, advice):
    monkeypatch.setattr(doctor, "_rebuild", lambda: "make build")
    monkeypatch.setattr(doctor.sys, "platform", "linux")
    said = doctor.native_advice(lambda name: name if name in programs else None, headers)
    assert said == f"{advice}make build"


@pytest.mark.parametrize(
    ("known", "what"),
    [
        ({"url": "file:///src/everywire", "dir_info": {}}, "file:///src/everywire"),
        ({"url": "file:///dist/everywire-1-cp311.whl", "archive_info": {}}, "/path/to/everywire"),
        ({"url": "https://example.com/e.git", "vcs_info": {"vcs": "git"}}, "git+https://example.com/e.git"),
        (None, "--no-binary everywire everywire"),
    ],
)
def test_what_was_installed_is_built_again_from_where_it_came(monkeypatch, known, what):
    class Distribution:
        def read_text(self, name):
            assert name == "direct_url.json"
            return None if known is None else json.dumps(known)

    monkeypatch.setattr(doctor, "_checkout", lambda: None)
    monkeypatch.setattr(doctor.metadata, "distribution", lambda name: Distribution())
    monkeypatch.setattr(doctor, "_pip_install", lambda: "pip install")
    assert doctor._rebuild() == f"pip install --force-reinstall --no-deps --no-cache-dir {what}"


def test_a_checkout_is_built_by_make(monkeypatch, tmp_path):
    monkeypatch.setattr(doctor, "_checkout", lambda: tmp_path)
    assert doctor._rebuild() == f"make -C {tmp_path} build"
    monkeypatch.chdir(tmp_path)
    assert doctor._rebuild() == "make build"


def test_pip_is_named_as_it_is_typed_here(monkeypatch, tmp_path):
    program = str(tmp_path / "own env" / "bin" / "python")
    monkeypatch.setattr(doctor.sys, "executable", program)
    assert doctor._pip_install() == f"'{program}' -m pip install"
    monkeypatch.chdir(tmp_path)
    assert doctor._pip_install() == "'own env/bin/python' -m pip install"
    monkeypatch.setattr(doctor, "which", lambda name: program)
    assert doctor._pip_install() == "python -m pip install"


@pytest.fixture
def wheel(monkeypatch, tmp_path):
    """A package as a wheel lays it out: sources and extension modules, no .pxd, no .pyx."""
    for name in COMPILED:
        path = tmp_path.joinpath("everywire", *name.split("."))
        path.parent.mkdir(parents=True, exist_ok=True)
        path.with_name(path.name + EXTENSION_SUFFIXES[0]).touch()
    monkeypatch.setattr(everywire, "__file__", str(tmp_path / "everywire" / "__init__.py"))
    return tmp_path / "everywire"


def test_an_installed_wheel_is_whole(wheel):
    assert found("everywire", "compiled") == doctor.Finding(doctor.GOOD, "compiled", ", ".join(COMPILED))


def test_an_incomplete_build_is_told(wheel):
    [lost] = (wheel / "ws").glob("frames.*")
    lost.unlink()
    finding = found("everywire", "compiled")
    assert (finding.mark, finding.fact) == (doctor.LACKING, "not ws.frames: an incomplete build")
    assert " -m pip install --force-reinstall " in finding.advice


def test_what_was_built_for_another_python_does_not_count(wheel):
    for path in wheel.rglob("*.so"):
        path.rename(path.with_name(path.name.split(".")[0] + ".cpython-27m-none.so"))
    assert found("everywire", "compiled").fact == "no module"


def test_other_systems_have_the_portable_one(monkeypatch):
    monkeypatch.setattr(doctor.sys, "platform", "darwin")
    assert "for Linux" in doctor.native_advice(lambda name: None, NOWHERE)


def test_the_plain_build_that_was_asked_for_lacks_nothing(monkeypatch):
    monkeypatch.setenv("EVERYWIRE_PURE", "1")
    monkeypatch.setattr(engine, "available", lambda: ("portable",))
    finding = found("everywire", "engine")
    assert (finding.mark, finding.fact) == (doctor.NEUTRAL, "portable: EVERYWIRE_PURE is set")
    assert finding.advice == "unset EVERYWIRE_PURE"
    assert found("everywire", "compiled").fact == "none: EVERYWIRE_PURE is set"


def test_the_extras_are_those_of_the_package():
    with (Path(__file__).parent.parent / "pyproject.toml").open("rb") as file:
        declared = tomllib.load(file)["project"]["optional-dependencies"]
    assert set(declared.pop("all")[0].partition("[")[2].rstrip("]").split(",")) == set(declared)
    requirements = {extra: [text.partition(";")[0] for text in texts] for extra, texts in declared.items()}
    assert requirements == {extra: [requirement] for extra, (requirement, _) in doctor._EXTRAS.items()}


def test_the_readme_lists_all_extras():
    text = (Path(__file__).parent.parent / "README.md").read_text()
    table = text.partition("| extra | gives |")[2].partition("\n\n")[0]
    assert sorted(re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE)) == sorted([*doctor._EXTRAS, "all"])


def test_a_missing_extra_comes_with_its_command(monkeypatch):
    monkeypatch.setattr(doctor, "_version", lambda name: None)
    assert found("Extras", "proxy").advice.endswith(" -m pip install 'python-socks[asyncio]>=2.5'")
    assert found("Libraries", "msgspec").mark == doctor.LACKING


def test_public_keys_need_more_than_what_reads_tokens(monkeypatch):
    """PyJWT is there without the extra; what it needs for public keys is not."""
    monkeypatch.setattr(doctor, "_version", lambda name: None if name == "cryptography" else "1.0")
    assert found("Extras", "jwks").mark == doctor.NEUTRAL
    assert found("Extras", "h2").mark == doctor.GOOD


@pytest.mark.parametrize(("limit", "mark"), [(256, doctor.LACKING), (65_536, doctor.GOOD), (-1, doctor.GOOD)])
def test_the_limit_of_descriptors(monkeypatch, limit, mark):
    import resource

    monkeypatch.setattr(resource, "getrlimit", lambda which: (limit, 1_000_000))
    finding = found("Limits", "descriptors")
    assert finding.mark == mark
    assert ("ulimit -n 1000000" in finding.advice) == (mark == doctor.LACKING)
