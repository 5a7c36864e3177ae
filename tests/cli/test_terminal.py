"""What a screen shows, and where."""

import pytest

from everywire.cli.terminal import Screen, readable


@pytest.mark.parametrize(
    ("text", "shown"),
    [("plain\tü\n", "plain\tü\n"), ("\x1b[31m\x07", "\\x1b[31m\\x07"), ("a\rb\u202e", "a\\rb\\u202e")],
)
def test_control_characters_are_shown(text, shown):
    assert readable(text) == shown


def test_in_a_pipe_stdout_has_the_messages_alone(capfdbinary):
    screen = Screen(interactive=False, colour=False)
    screen.message("text \x1b")
    screen.message(b"\x00\xff")
    screen.status("closed")
    out, err = capfdbinary.readouterr()
    assert out == b"text \x1b\n\x00\xff"
    assert err == b"closed\n"


def test_on_a_terminal_messages_are_marked(capsys):
    screen = Screen(interactive=True, colour=True)
    screen.message("text \x1b")
    screen.message(bytes(65))
    screen.status("closed", "red")
    shown = capsys.readouterr().out
    assert "\x1b[36m< text \\x1b\x1b[0m\n" in shown
    assert "< (65 bytes) 00 00" in shown
    assert " …" in shown
    assert "\x1b[31mclosed" in shown
