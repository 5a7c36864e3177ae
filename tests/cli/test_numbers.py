"""Numbers of options."""

import click
import pytest

from everywire.cli.numbers import Finite, Whole


@pytest.mark.parametrize(
    ("kind", "said", "number"),
    [
        (Whole(0, 65535), "8000", 8000),
        (Whole(0, 65535), 65535, 65535),
        (Whole(1), "1", 1),
        (Finite(0), "2.5", 2.5),
        (Finite(0), 3, 3.0),
        (Finite(0, min_open=True), "0.1", 0.1),
    ],
)
def test_what_is_one(kind, said, number):
    assert kind.convert(said, None, None) == number


@pytest.mark.parametrize(
    ("kind", "said", "needed"),
    [
        (Whole(0, 65535), "eighty", "a whole number from 0 to 65535 is needed"),
        (Whole(0, 65535), 65536, "a whole number from 0 to 65535 is needed"),
        (Whole(1), "0", "a whole number of 1 or more is needed"),
        (Whole(1), 1.5, "a whole number of 1 or more is needed"),
        (Whole(1), True, "a whole number of 1 or more is needed"),
        (Whole(), "x", "a whole number is needed"),
        (Finite(0), "-1", "a number of 0 or more is needed"),
        (Finite(0), "nan", "a number of 0 or more is needed"),
        (Finite(0), True, "a number of 0 or more is needed"),
        (Finite(0, min_open=True), "0", "a number above 0 is needed"),
        (Finite(0, 1), "inf", "a number from 0 to 1 is needed"),
    ],
)
def test_what_is_none_is_told_what_is_needed(kind, said, needed):
    with pytest.raises(click.BadParameter) as caught:
        kind.convert(said, None, None)
    assert caught.value.message == needed


def test_help_says_which_are_taken():
    @click.command()
    @click.option("--port", type=Whole(0, 65535), help="Where.")
    @click.option("--wait", type=Finite(0), help="How long.")
    def command(port, wait):
        """Do nothing."""

    text = " ".join(command.get_help(click.Context(command)).split())
    assert "--port NUMBER Where. [from 0 to 65535]" in text
    assert "--wait NUMBER How long. [0 or more]" in text
