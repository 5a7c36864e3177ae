"""The screen and the keyboard of `everywire connect`: messages come in without breaking the line that is being typed."""

from __future__ import annotations

import asyncio
import os
import shutil
import sys
import threading
from pathlib import Path
from typing import Any

import click

__all__ = ["Keyboard", "Screen", "readable"]

try:
    import readline
except ImportError:  # not everywhere; then lines are typed without history
    readline = None  # type: ignore[assignment]

PROMPT = "> "
_HISTORY_LINES = 1000


def readable(text: str) -> str:
    """Give `text` with its control characters visible: a peer must not steer the terminal."""
    return "".join(
        char if char.isprintable() or char in "\n\t" else char.encode("unicode_escape").decode() for char in text
    )


class Screen:
    """Prints. In a conversation: coloured, and around the typed line; else: messages alone on stdout, the rest on stderr.

    Only where stdout is no terminal are messages written as they came.

    Invariant: `typing` is true exactly while a line is being read.
    """

    def __init__(self, *, interactive: bool, colour: bool) -> None:
        self.interactive = interactive
        self.colour = colour
        self.typing = False

    def message(self, message: str | bytes) -> None:
        """Show a message that came."""
        if self.interactive:
            self._print(f"< {_shown(message)}", "cyan" if isinstance(message, str) else "magenta")
        elif sys.stdout.isatty():
            click.echo(_shown(message))
        else:
            _write_raw(message)

    def status(self, text: str, colour: str = "bright_black") -> None:
        """Show what happens."""
        if self.interactive:
            self._print(text, colour)
        else:
            click.echo(text, err=True)  # what came from the peer is readable already

    def _print(self, text: str, colour: str) -> None:
        shown = click.style(text, fg=colour) if self.colour else text
        if not self.typing or readline is None:
            sys.stdout.write(f"{shown}\n")
        else:
            line = PROMPT + readline.get_line_buffer()
            rows = max(len(line) - 1, 0) // shutil.get_terminal_size().columns
            up = f"\x1b[{rows}A" if rows else ""
            sys.stdout.write(f"\r{up}\x1b[J{shown}\n{line}")
        sys.stdout.flush()


def _shown(message: str | bytes) -> str:
    """Write a message so that it cannot steer a terminal."""
    if isinstance(message, str):
        return readable(message)
    return f"({len(message)} bytes) {message[:64].hex(' ')}{' …' if len(message) > 64 else ''}"


def _write_raw(message: str | bytes) -> None:
    data = f"{message}\n".encode() if isinstance(message, str) else message
    sys.stdout.buffer.write(data)
    sys.stdout.buffer.flush()


class Keyboard:
    """Lines from stdin, read in a thread that dies with the process: nothing else can wait for a terminal and for a socket at once.

    `lines` gets each line without its end, then None.
    """

    def __init__(self, screen: Screen) -> None:
        self.lines: asyncio.Queue[str | None] = asyncio.Queue()
        self._screen = screen
        self._loop = asyncio.get_running_loop()
        self._attributes: Any = None

    def start(self) -> None:
        """Begin to read."""
        if self._screen.interactive:
            self._attributes = _terminal_attributes()
            _load_history()
        threading.Thread(target=self._read, daemon=True).start()

    def stop(self) -> None:
        """Give the terminal back as it was; the thread may still be waiting."""
        if self._screen.interactive:
            _save_history()
            if self._screen.typing:
                sys.stdout.write("\n")
                sys.stdout.flush()
            _restore_terminal(self._attributes)

    def _read(self) -> None:
        while True:
            line = self._line()
            try:
                self._loop.call_soon_threadsafe(self.lines.put_nowait, line)
            except RuntimeError:  # the loop is closed: nobody listens any more
                return
            if line is None:
                return

    def _line(self) -> str | None:
        if not self._screen.interactive:
            data = sys.stdin.buffer.readline()
            return data.decode(errors="replace").rstrip("\r\n") if data else None
        self._screen.typing = True
        try:
            return input(PROMPT)
        except (EOFError, OSError):
            return None
        finally:
            self._screen.typing = False


def _history_file() -> Path:
    state = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    return Path(state) / "everywire" / "history"


def _load_history() -> None:
    if readline is not None:
        try:
            readline.read_history_file(_history_file())
        except OSError:
            pass


def _save_history() -> None:
    if readline is not None:
        try:
            _history_file().parent.mkdir(parents=True, exist_ok=True)
            readline.set_history_length(_HISTORY_LINES)
            readline.write_history_file(_history_file())
        except OSError:
            pass


def _terminal_attributes() -> Any:
    try:
        import termios
    except ImportError:
        return None
    try:
        return termios.tcgetattr(sys.stdin.fileno())
    except (OSError, ValueError, termios.error):
        return None


def _restore_terminal(attributes: Any) -> None:
    if attributes is not None:
        import termios

        termios.tcsetattr(sys.stdin.fileno(), termios.TCSADRAIN, attributes)
