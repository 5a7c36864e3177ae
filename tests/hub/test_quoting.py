"""Names that clients made up, as a reason may repeat them."""

import pytest

from everywire.hub.quoting import quoted


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("attic", "'attic'"),
        ("Küche", "'Küche'"),
        ("a\x1b[2J\u202e\n", "'a\\x1b[2J\\u202e\\n'"),
        ("", "''"),
        ("x" * 64, f"'{'x' * 64}'"),
        ("x" * 65, f"'{'x' * 64}…'"),
    ],
)
def test_a_name_is_quoted_escaped_and_cut(name, shown):
    assert quoted(name) == shown
