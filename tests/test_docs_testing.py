"""The tests in docs/testing.md pass, each document's program as a file of its own."""

from tests.test_docs import ROOT, programs
from tests.test_everywire_pytest import run  # noqa: F401 - a fixture

pytest_plugins = ["pytester"]


def test_the_documented_tests_pass(run, pytester):  # noqa: F811
    found = programs((ROOT / "docs" / "testing.md").read_text())
    for program in found:
        pytester.makepyfile(**{f"test_line_{program.line}": program.text})
    run("-W", "error").assert_outcomes(passed=sum(program.text.count("\ndef test_") for program in found))
