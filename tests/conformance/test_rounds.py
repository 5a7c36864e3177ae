"""What is written down of a suite's rounds."""

import json
from pathlib import Path

import pytest

from conformance import processes


def test_all_rounds_are_written_down_together(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.syspath_prepend(str(processes.ROOT / "conformance"))
    import rounds
    from mocha import Score

    scores = [Score(2, 1, {"b": "no"}, 1.2), Score(2, 1, {"b": "never"}, 1.0), Score(2, 2, {}, 1.1)]
    rounds.record(tmp_path / "new" / "suite.json", {"suite": "of a test"}, scores)
    kept = json.loads((tmp_path / "new" / "suite.json").read_text())
    assert (kept["suite"], kept["passed"], kept["rounds"], kept["seconds"]) == ("of a test", False, 3, 3)
    assert (kept["cases"], kept["counts"], kept["failures"]) == (2, {"passed": 4, "failed": 2}, {"b": 2})
