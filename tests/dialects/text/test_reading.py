"""Texts as calls."""

import pytest

from everywire.dialects.text import TextDecoder
from everywire.messages import Call, Packed, Raw


@pytest.mark.parametrize(
    ("said", "data"),
    [
        ("hi", Raw(b'"hi"')),
        ("", Raw(b'""')),
        ('{"a":1}', Raw(b'"{\\"a\\":1}"')),
        ("ž\n", Raw('"ž\\n"'.encode())),
        ("\ud83d", Raw(b'"\\ud83d"')),
        (b"\x00", Packed(b"\xc4\x01\x00")),
    ],
)
def test_each_is_a_call_of_the_handler(said, data):
    decoder = TextDecoder("heard")
    assert list(decoder.decode(said)) == [Call(1, "heard", data)]
    assert list(decoder.decode(said)) == [Call(2, "heard", data)]
