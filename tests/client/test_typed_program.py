"""A program with types passes the strict checker, and a wrong one does not."""

import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = Path(__file__).with_name("typed_program.py")
ROOT = Path(__file__).parents[2]


def checked(path: Path) -> subprocess.CompletedProcess:
    pytest.importorskip("mypy")
    command = [sys.executable, "-m", "mypy", "--strict", "--no-error-summary", str(path)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_program_with_types_is_understood(tmp_path):
    right = checked(PROGRAM)
    assert (right.stdout, right.returncode) == ("", 0)
    wrong = tmp_path / "wrong_program.py"
    wrong.write_text(
        PROGRAM.read_text().replace(".data.text.upper()", ".data.txet.upper()").replace("ttl=5.0", 'ttl="5"')
    )
    said = checked(wrong).stdout
    assert '"Message" has no attribute "txet"' in said
    assert 'expected "float"' in said
