"""The build in place: quiet where all is well, and one line where there is no compiler."""

import subprocess

import pytest

import native
import testbed


@pytest.fixture(autouse=True)
def environment(monkeypatch):
    for name in ("EVERYWIRE_PURE", "EVERYWIRE_REQUIRE_NATIVE", "C_INCLUDE_PATH"):
        monkeypatch.delenv(name, raising=False)


def compilers_end(monkeypatch, tmp_path, code):
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "built.so").touch()

    def run(command, **options):
        assert options["env"]["EVERYWIRE_REQUIRE_NATIVE"] == "1"
        return subprocess.CompletedProcess(command, code, b"warning: this\nerror: that\n")

    monkeypatch.setattr(native, "ROOT", tmp_path)
    monkeypatch.setattr(native, "include_path", lambda: "")
    monkeypatch.setattr(native.subprocess, "run", run)


def test_warnings_of_a_build_that_works_are_not_shown(monkeypatch, tmp_path, capfd):
    compilers_end(monkeypatch, tmp_path, 0)
    assert native.main() == 0
    assert capfd.readouterr() == ("", "")


def test_the_first_build_says_that_it_takes_a_while(monkeypatch, tmp_path, capfd):
    compilers_end(monkeypatch, tmp_path, 0)
    (tmp_path / "src" / "built.so").unlink()
    assert native.main() == 0
    assert capfd.readouterr() == ("compiling the native engine, a minute or two …\n", "")


def test_all_that_the_compilers_say_is_shown_when_they_fail(monkeypatch, tmp_path, capfdbinary):
    compilers_end(monkeypatch, tmp_path, 1)
    assert native.main() == 1
    assert capfdbinary.readouterr() == (b"", b"warning: this\nerror: that\n")


@pytest.mark.parametrize(("required", "code"), [("0", 0), ("1", 1)])
def test_a_machine_without_a_compiler_is_told_once(monkeypatch, capfd, required, code):
    monkeypatch.setenv("CC", "/nowhere/cc")
    monkeypatch.setenv("EVERYWIRE_REQUIRE_NATIVE", required)
    assert native.main() == code
    out, err = capfd.readouterr()
    assert out == ""
    assert len(err.splitlines()) == 1
    assert "apt install gcc python3-dev" in err


def test_headers_that_cannot_be_had_are_told(monkeypatch, capfd):
    def unavailable():
        raise testbed.Unavailable("no apt-get here")

    monkeypatch.setenv("CC", "true")
    monkeypatch.setattr(native.testbed, "python_headers", unavailable)
    assert native.main() == 0
    assert "(no apt-get here; " in capfd.readouterr().err


def test_nothing_is_compiled_where_that_is_wanted(monkeypatch, capfd):
    monkeypatch.setenv("EVERYWIRE_PURE", "1")
    assert native.main() == 0
    assert capfd.readouterr() == ("", "")
