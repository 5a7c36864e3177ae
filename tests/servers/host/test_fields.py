"""Header fields of applications: what may not be in them."""

import pytest

from everywire.servers.host.fields import OF_BODY, fields


def test_fields_are_decoded_in_their_order():
    pairs = [(b"X-A", b" one "), (b"x-a", b"two"), (b"content-length", b"3"), (b"x-b", "é".encode("latin-1"))]
    assert fields(pairs) == [("x-a", "one"), ("x-a", "two"), ("content-length", "3"), ("x-b", "é")]
    assert ("content-length", "3") not in fields(pairs, OF_BODY)


@pytest.mark.parametrize(
    "byte", [b"\r", b"\n", b"\0", b"\x0b", b"\x0c", b"\x1c", b"\x1d", b"\x1e", b"\x85", b"\x1b", b"\x7f"]
)
def test_a_value_that_would_split_the_head_is_refused(byte):
    with pytest.raises(ValueError, match="characters"):
        fields([(b"x-a", b"one" + byte + b"two")])


def test_a_byte_85_is_text_within_utf_8():
    assert fields([(b"x-a", "х".encode())]) == [("x-a", "х".encode().decode("latin-1"))]


@pytest.mark.parametrize("name", [b"", b"x a", b"x:", b"x\r\n", b"\xe9", b"x\0"])
def test_a_name_that_is_none_is_refused(name):
    with pytest.raises(ValueError, match="name"):
        fields([(name, b"one")])


@pytest.mark.parametrize("pair", [("x", b"y"), (b"x", "y"), (b"x", None)])
def test_a_field_is_bytes(pair):
    with pytest.raises(TypeError):
        fields([pair])
