"""The codes are the ones that the wire's document lists."""

import re
from pathlib import Path

from everywire.hub.codes import Close, Code

PROTOCOL = (Path(__file__).parents[2] / "docs" / "protocol.md").read_text()


def listed(heading):
    table = PROTOCOL.partition(f"## {heading}")[2].partition("\n## ")[0]
    return {int(code) for code in re.findall(r"^\| (\d+(?:, \d+)*) \|", table, re.M) for code in code.split(", ")}


def test_error_codes_are_documented():
    assert set(Code) == listed("Error codes")


def test_close_codes_are_documented():
    assert set(Close) - {Close.NORMAL, Close.ABNORMAL} <= listed("Close codes")
