"""The reference says what the docstrings say, and how each thing is called."""

import asyncio

import pytest

import reference
from reference import page, signature


class Kettle:
    """Boils water."""

    def pour(
        self,
        cups: int,
        *,
        slowly: bool = False,
        to_whoever_asked_for_it: str = "",
        for_the_others: str = "",
        **more: object,
    ) -> bool:
        """Fill so many cups."""


def test_a_long_signature_has_a_line_for_each_parameter():
    text = signature("pour", Kettle.pour, bound=True)
    assert text.splitlines()[:3] == ["pour(", "    cups: int,", "    *,"]
    assert text.endswith("    **more: object,\n) -> bool")


def test_a_short_one_is_one_line():
    assert signature("Kettle", Kettle) == "Kettle()"
    assert signature("sleep", asyncio.sleep).startswith("async sleep(delay, result")


@pytest.mark.parametrize("name", ["everywire.errors", "everywire.brokers.base"])
def test_a_page_has_what_is_public(name):
    text = page(name, "Summary.")
    assert text.startswith(f"# {name}\n\nSummary.\n")
    for called, _ in reference.members(__import__(name, fromlist=["*"])):
        assert f"## class {called}\n" in text or f"## {called}" in text
