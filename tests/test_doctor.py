"""What the doctor finds, and what it advises."""

from pathlib import Path

import pytest

import everywire
from everywire import doctor, engine

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
    assert "although there is a native one" in found("everywire", "engine").fact
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
@pytest.mark.parametrize(
    ("checkout", "command"),
    [(True, "make build"), (False, "pip install --force-reinstall --no-cache-dir --no-binary everywire everywire")],
)
def test_how_to_get_it(monkeypatch, programs, headers, advice, checkout, command):
    monkeypatch.setattr(doctor, "_checkout", lambda: checkout)
    monkeypatch.setattr(doctor.sys, "platform", "linux")
    said = doctor.native_advice(lambda name: name if name in programs else None, headers)
    assert said == advice + command


def test_other_systems_have_the_portable_one(monkeypatch):
    monkeypatch.setattr(doctor.sys, "platform", "darwin")
    assert "for Linux" in doctor.native_advice(lambda name: None, NOWHERE)


def test_the_plain_build_is_told(monkeypatch):
    monkeypatch.setenv("EVERYWIRE_PURE", "1")
    assert doctor.native_advice(lambda name: None, NOWHERE) == "unset EVERYWIRE_PURE"
    assert found("everywire", "compiled").fact == "none: EVERYWIRE_PURE is set"


def test_a_missing_extra_comes_with_its_command(monkeypatch):
    monkeypatch.setattr(doctor, "_version", lambda name: None)
    assert found("Extras", "proxy").advice == "pip install 'everywire[proxy]'"
    assert found("Libraries", "msgspec").mark == doctor.LACKING


@pytest.mark.parametrize(("limit", "mark"), [(256, doctor.LACKING), (65_536, doctor.GOOD), (-1, doctor.GOOD)])
def test_the_limit_of_descriptors(monkeypatch, limit, mark):
    import resource

    monkeypatch.setattr(resource, "getrlimit", lambda which: (limit, 1_000_000))
    finding = found("Limits", "descriptors")
    assert finding.mark == mark
    assert ("ulimit -n 1000000" in finding.advice) == (mark == doctor.LACKING)
