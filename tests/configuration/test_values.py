"""What is said of a setting becomes a value of its type, or an error that says where it was said."""

from typing import Literal

import pytest

from everywire.configuration.names import Leaf
from everywire.configuration.values import checked, converted
from everywire.errors import SettingError
from everywire.hub.access.rates import Rate

TEXTS = Leaf(tuple[str, ...], optional=True)


@pytest.mark.parametrize(
    ("leaf", "said", "value"),
    [
        (Leaf(int), "81", 81),
        (Leaf(int), 81, 81),
        (Leaf(float), "2.5", 2.5),
        (Leaf(float), 2, 2.0),
        (Leaf(bool), "true", True),
        (Leaf(bool), "0", False),
        (Leaf(str), " x ", "x"),
        (Leaf(str, optional=True), "None", None),
        (Leaf(str), "none", "none"),
        (Leaf(int, optional=True), "null", None),
        (Leaf(Literal["a", "b"]), "b", "b"),
        (Leaf(Rate, optional=True), "none", None),
        (TEXTS, "https://a.example, https://b.example\n", ("https://a.example", "https://b.example")),
        (TEXTS, ["a"], ("a",)),
        (TEXTS, "none", None),
    ],
)
def test_a_value_is_read(leaf, said, value):
    assert converted(leaf, said, "there") == value


@pytest.mark.parametrize(
    ("leaf", "said", "error"),
    [
        (Leaf(int), "ten", "there is 'ten': a whole number is needed"),
        (Leaf(int), True, "there is True: a whole number is needed"),
        (Leaf(int, optional=True), "ten", "there is 'ten': a whole number, or none, is needed"),
        (Leaf(float), "nan", "there is 'nan': a finite number is needed"),
        (Leaf(bool), "perhaps", "there is 'perhaps': true or false is needed"),
        (Leaf(Literal["a", "b"]), "c", "there is 'c': a or b is needed"),
        (Leaf(int), {"a": 1}, "there is {'a': 1}: a whole number is needed"),
        (Leaf(Rate, optional=True), "5", "there is '5': a table of settings, or none, is needed"),
        (TEXTS, [1], r"there is \[1\]: a list of texts, or none, is needed"),
    ],
)
def test_what_it_cannot_be_is_said(leaf, said, error):
    with pytest.raises(SettingError, match=f"^{error}$"):
        converted(leaf, said, "there")


@pytest.mark.parametrize(
    "origin", ["", "shop.example", "https://", "HTTPS://shop.example", "https://shop.example/", "null"]
)
def test_what_no_browser_says_is_no_origin(origin):
    with pytest.raises(SettingError, match=r"^there: .* is no origin; write it as browsers do: [a-z]+://[a-z.]+$"):
        checked(("server", "origins"), (origin,), "there")
    assert checked(("server", "subprotocols"), (origin,), "there") == (origin,)
    assert checked(("server", "origins"), None, "there") is None
