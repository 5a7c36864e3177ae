"""How the suites of Socket.IO's repository are fetched and graded."""

import dataclasses
import hashlib
import subprocess

import pytest
from conformance.mocha import Score, Suite, Unavailable, score

from conformance import mocha

CASES = "// the cases\n"
SUITE = Suite("sample", "Sample v1", "docs/v1-test-suite", hashlib.sha256(CASES.encode()).hexdigest(), cases=2)


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setattr(mocha.testbed, "HOME", tmp_path / "testbed")


@pytest.fixture
def clone(tmp_path):
    """A clone of a repository that has the suite, with packages installed by somebody."""
    folder = tmp_path / "clone" / SUITE.folder
    (folder / "node_modules" / "chai").mkdir(parents=True)
    (folder / "test-suite.js").write_text(CASES)
    return tmp_path / "clone"


def git(folder, *words):
    who = ["-c", "user.name=n", "-c", "user.email=n@example.test"]
    return subprocess.run(
        ["git", "-C", folder, *who, *words], check=True, capture_output=True, text=True
    ).stdout.strip()


@pytest.mark.parametrize("below", ["", SUITE.folder])
def test_a_suite_is_taken_from_a_clone_or_from_its_own_folder(clone, below):
    SUITE.fetch(str(clone / below))
    assert [path.name for path in SUITE.home.iterdir()] == ["test-suite.js"]
    assert SUITE.found == SUITE.digest


def test_a_suite_is_fetched_by_git(clone, tmp_path, monkeypatch):
    git(clone, "init", "-q")
    git(clone, "add", f"{SUITE.folder}/test-suite.js")
    git(clone, "commit", "-q", "-m", "The suite")
    monkeypatch.setattr(mocha, "COMMIT", git(clone, "rev-parse", "HEAD"))
    git(tmp_path, "clone", "-q", "--bare", str(clone), str(tmp_path / "elsewhere.git"))
    SUITE.fetch(str(tmp_path / "elsewhere.git"))
    assert SUITE.found == SUITE.digest


def test_where_git_cannot_fetch_it_the_cure_is_told(tmp_path):
    with pytest.raises(Unavailable) as failure:
        SUITE.fetch(str(tmp_path / "nowhere.git"))
    assert "cannot be fetched" in str(failure.value)
    assert "--suite CLONE" in str(failure.value)
    assert not SUITE.home.exists()


def report(passes, failures):
    failed = [{"fullTitle": title, "err": {"message": message}} for title, message in failures.items()]
    return {"stats": {"duration": 1500}, "passes": [{}] * passes, "failures": failed}


def test_all_cases_have_to_pass():
    found = score(report(2, {}), 2)
    assert found.passed
    assert str(found) == "2 of 2 in 1.5 s"


def test_a_failure_is_told_in_one_line():
    found = score(report(1, {"closes": "Timeout of 2000ms exceeded.\nmore"}), 2)
    assert not found.passed
    assert str(found) == "1 of 2 in 1.5 s\n    closes: Timeout of 2000ms exceeded."


def test_a_case_that_did_not_run_is_a_failure():
    found = score(report(1, {}), 2)
    assert not found.passed
    assert "1 of 2 cases did not run" in str(found)


def test_of_other_cases_it_is_not_known_how_many_there_are():
    assert score(report(1, {}), None).passed
    assert not score(report(0, {}), None).passed


def test_a_run_without_a_report_is_a_failure():
    found = Score(2, trouble="mocha was not done")
    assert not found.passed
    assert "mocha was not done" in str(found)
    assert not dataclasses.replace(found, passes=2).passed
