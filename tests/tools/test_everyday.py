"""The everyday run's own parts: what is run at once is counted and told of one after the other."""

import subprocess
import sys
import threading
from pathlib import Path

import pytest

import everyday


def python(text: str) -> list[str]:
    return [sys.executable, "-c", text]


def test_jobs_run_at_once_and_are_shown_in_order(capsys):
    meeting = threading.Barrier(2, timeout=60)

    def job(name, **counts):
        def run():
            meeting.wait()  # passes only when both are there
            return [everyday.Outcome(name, printed=f"of {name}\n", **counts)]

        return run

    tally = everyday.Tally()
    everyday.at_once(tally, [job("first", passed=3, failed=0, skipped=1), job("second", passed=0, failed=2)])
    assert capsys.readouterr().out == "\n=== first\nof first\n\n=== second\nof second\n"
    assert (tally.passed, tally.failed, tally.skipped, tally.broken) == (3, 2, 1, ["second"])


@pytest.mark.parametrize("code", [0, 3])
def test_a_step_passes_or_fails_and_what_it_printed_is_kept(code):
    text = f"import sys; print('out', flush=True); print('err', file=sys.stderr); sys.exit({code})"
    outcome = everyday.step("a step", python(text))
    assert outcome == everyday.Outcome("a step", int(not code), int(bool(code)), 0, "out\nerr\n")


def test_what_is_missing_fails_where_it_is_required(monkeypatch):
    def missing():
        raise everyday.testbed.Unavailable("no network")

    monkeypatch.setattr(everyday, "PROGRAMS", {"nginx": lambda: "/usr/sbin/nginx", "haproxy": missing})
    monkeypatch.delenv("EVERYWIRE_TEST_REQUIRE", raising=False)
    (told,) = everyday.fetch()
    assert (told.printed, told.failed) == ("nginx: /usr/sbin/nginx\nhaproxy cannot be had: no network\n", 0)
    monkeypatch.setenv("EVERYWIRE_TEST_REQUIRE", "1")
    assert [(each.step, each.failed) for each in everyday.fetch()] == [
        ("what the tests need", 0),
        ("fetching haproxy", 1),
    ]


SUITE = '<testsuites><testsuite tests="9" failures="1" errors="2" skipped="3" /></testsuites>'


@pytest.mark.parametrize(
    ("report", "code", "counted"),
    [
        (SUITE, 1, (3, 3, 3)),
        (SUITE.replace('"1"', '"0"').replace('"2"', '"0"'), 0, (6, 0, 3)),
        (SUITE.replace('"1"', '"0"').replace('"2"', '"0"'), 1, (6, 1, 3)),
        (None, 0, (0, 1, 0)),
        ("<testsuites><testsu", 0, (0, 1, 0)),
    ],
    ids=["some failed", "none failed", "pytest itself failed", "no report", "half a report"],
)
def test_tests_are_counted(report, code, counted, tmp_path, monkeypatch):
    def run(command, **_):
        (path,) = [word.partition("=")[2] for word in command if word.startswith("--junitxml=")]
        if report is not None:
            Path(path).write_text(report)
        return subprocess.CompletedProcess(command, code, "printed\n")

    monkeypatch.setattr(everyday.testbed, "HOME", tmp_path)
    monkeypatch.setattr(everyday, "_run", run)
    outcome = everyday.run_pytest("given", [], shown=False)
    assert outcome == everyday.Outcome("given", *counted, "printed\n")
