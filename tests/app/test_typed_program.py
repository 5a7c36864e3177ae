"""An application with types passes the strict checker: decorators give what they were given, and a wrong use is told."""

from pathlib import Path

import pytest
from tests.client.test_typed_program import checked

PROGRAM = Path(__file__).with_name("typed_program.py")


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_an_application_with_types_is_understood(tmp_path):
    right = checked(PROGRAM)
    assert (right.stdout, right.returncode) == ("", 0)
    wrong = tmp_path / "wrong_program.py"
    text = PROGRAM.read_text().replace("[[int], AsyncIterator[int]] = count", "[[str], AsyncIterator[int]] = count")
    wrong.write_text(text.replace("[[Connecting], Identity] = come", "[[Connecting], Member] = come"))
    said = checked(wrong).stdout
    assert said.count("Incompatible types in assignment") == 2
