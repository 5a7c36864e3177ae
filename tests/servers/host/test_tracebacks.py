"""Tracebacks in what applications say."""

import contextlib
import timeit
import traceback
from pathlib import Path

import pytest

import everywire
from everywire.servers.host.tracebacks import shortened


def fails():
    raise ValueError("no\n  such thing")


def said(function):
    with pytest.raises(Exception) as caught:
        function()
    return "".join(traceback.format_exception(caught.value))


def test_only_the_applications_own_lines_are_left():
    told = said(lambda: timeit.timeit(fails, number=1))
    assert timeit.__file__ in told
    kept = shortened(told)
    assert timeit.__file__ not in kept
    assert kept.startswith("Traceback (most recent call last):\n")
    assert ", in fails\n" in kept
    assert kept.endswith("ValueError: no\n  such thing\n")


def test_of_a_traceback_without_any_its_last_line_is_left():
    told = said(contextlib.contextmanager(lambda: iter(()))().__enter__).replace(__file__, contextlib.__file__)
    assert "File" in told
    assert shortened(told) == "RuntimeError: generator didn't yield\n"


def test_what_is_repeated_goes_with_its_line():
    repeated = '  File "/lib/site-packages/a.py", line 1, in a\n    a()\n  [Previous line repeated 9 more times]\n'
    assert shortened(f"Traceback (most recent call last):\n{repeated}Error: x\n") == "Error: x\n"


def test_a_folder_whose_name_only_begins_like_the_packages_is_the_applications():
    beside = f'  File "{Path(everywire.__file__).parent}_shop/main.py", line 1, in a\n    a()\n'
    assert shortened(f"Traceback (most recent call last):\n{beside}Error: x\n").count("_shop/main.py") == 1


@pytest.mark.parametrize("text", ["", "no database", "Traceback (most recent call last):\n  nothing", "a\nb\n"])
def test_other_texts_are_left_as_they_are(text):
    assert shortened(text) == text
