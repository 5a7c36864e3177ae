"""The official suite of SockJS in every test run, and how it is fetched and graded; `conformance/sockjs/run.py --times 10` is the strict one."""

import hashlib
from pathlib import Path

import pytest
from conformance.sockjs import suite
from tests.conformance.tries import each_case_passes
from tests.conftest import need

TRIES = 3  # rounds: the suite's own timers, of a second, fail where other tests have the processors
REPORT = """\
test_options (__main__.InfoTest) ... ok
test_simpleSession (__main__.Protocol)
See the explanation. ... ok
test_haproxy (__main__.Websocket) ... FAIL
test_close (__main__.Websocket) ... ERROR

======================================================================
ERROR: test_close (__main__.Websocket)
----------------------------------------------------------------------
Traceback (most recent call last):
timeout: timed out

======================================================================
FAIL: test_haproxy (__main__.Websocket)
----------------------------------------------------------------------
Traceback (most recent call last):
AssertionError: 426 != 101

----------------------------------------------------------------------
Ran 4 tests in 1.930s
"""


@pytest.mark.timeout(300)  # the first run fetches packages
def test_every_case_passes(tmp_path: Path) -> None:
    wanted = suite.SockJSSuite()
    if not wanted.fetched:
        pytest.skip("python conformance/sockjs/run.py fetches the suite, or says how to have it")
    need(wanted.install)
    each_case_passes("sockjs", tmp_path, TRIES)


def test_each_case_is_graded():
    found = suite.score(REPORT, 4)
    assert (found.passes, found.cases, found.passed) == (2, 4, False)
    assert found.failures == {
        "test_haproxy (__main__.Websocket)": "AssertionError: 426 != 101",
        "test_close (__main__.Websocket)": "timeout: timed out",
    }


def test_what_is_no_report_is_a_failure():
    found = suite.score("SyntaxError: invalid syntax\n", 68)
    assert not found.passed
    assert found.trouble == "SyntaxError: invalid syntax"
    assert not suite.score("test_a (__main__.B) ... ok\n", 68).passed  # the others did not run


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setattr(suite.testbed, "HOME", tmp_path / "testbed")


def test_the_suite_is_taken_from_a_clone(home, tmp_path):
    for name in suite.FILES:
        (tmp_path / name).write_text(name)
    wanted = suite.SockJSSuite()
    assert not wanted.fetched
    wanted.fetch(str(tmp_path))
    assert wanted.fetched
    assert wanted.found == hashlib.sha256("".join(suite.FILES).encode()).hexdigest() != wanted.digest


def test_where_git_cannot_fetch_it_the_cure_is_told(home, tmp_path):
    with pytest.raises(suite.Unavailable) as failure:
        suite.SockJSSuite().fetch(str(tmp_path / "nowhere.git"))
    assert "--suite CLONE" in str(failure.value)
