"""Log lines: for people and for machines, and never forged."""

import io
import json
import logging
import sys

import pytest

from everywire.ops.logs import JsonFormatter, TextFormatter, level, set_up

EVIL = "a\r\nERROR forged\x1b[2J\u202e"


def record(message, *words, **extra):
    made = logging.LogRecord("everywire.hub", logging.WARNING, "hub.py", 1, message, words, None)
    vars(made).update(extra)
    return made


@pytest.mark.parametrize("made", [record("closing: %s", EVIL), record("closing", reason=EVIL)])
def test_a_line_stays_a_line(made):
    line = TextFormatter().format(made)
    assert line.isprintable()
    assert "forged" in line
    assert json.loads(JsonFormatter().format(made))["message"].startswith("closing")
    assert "\n" not in JsonFormatter().format(made)


def test_extra_is_told():
    assert TextFormatter().format(record("closed", code=4408)).endswith("closed code=4408")
    said = json.loads(JsonFormatter().format(record("closed", code=4408, channel={"a": 1}, odd={1})))
    assert (said["code"], said["level"], said["logger"], said["odd"]) == (4408, "warning", "everywire.hub", "{1}")


def test_extra_cannot_pose_as_the_record():
    assert json.loads(JsonFormatter().format(record("true", time="never")))["time"] != "never"


def test_errors_come_with_their_traceback():
    try:
        raise ValueError("here")
    except ValueError as error:
        made = record("failed")
        made.exc_info = (ValueError, error, error.__traceback__)
    assert "ValueError: here" in json.loads(JsonFormatter().format(made))["error"]
    assert "ValueError: here" in TextFormatter().format(made)


def test_an_application_s_own_logging_is_left_alone(monkeypatch):
    root = logging.getLogger()
    monkeypatch.setattr(root, "handlers", [logging.NullHandler()])
    set_up("DEBUG")
    assert len(root.handlers) == 1
    monkeypatch.setattr(root, "handlers", [])
    before = root.level
    try:
        set_up("ERROR", json_lines=True)
        assert isinstance(root.handlers[0].formatter, JsonFormatter)
        assert root.level == logging.ERROR
    finally:
        root.setLevel(before)


def test_the_level_comes_from_the_environment(monkeypatch):
    monkeypatch.delenv("EVERYWIRE_LOG", raising=False)
    assert level() == "INFO"
    monkeypatch.setenv("EVERYWIRE_LOG", "debug")
    assert (level(), level("error")) == ("DEBUG", "ERROR")
    monkeypatch.setenv("EVERYWIRE_LOG", "loud")
    with pytest.raises(ValueError, match="EVERYWIRE_LOG=loud: the levels are DEBUG,"):
        set_up()


class Named(logging.Filter):
    def filter(self, record):
        return record.getMessage() != "hidden"


@pytest.mark.parametrize(
    ("level", "message", "stream", "times"),
    [
        (logging.ERROR, "failed", "stderr", 1),  # said by the logger's own handler
        (logging.DEBUG, "below its level", "stderr", 1),  # said by ours
        (logging.ERROR, "hidden", "stderr", 1),
        (logging.ERROR, "in a file of its own", None, 1),
    ],
)
def test_what_the_application_says_on_the_terminal_is_said_once(capsys, monkeypatch, level, message, stream, times):
    root, own = logging.getLogger(), logging.Logger("site")
    monkeypatch.setattr(root, "handlers", [])
    monkeypatch.setattr(root, "level", root.level)
    monkeypatch.setitem(logging.Logger.manager.loggerDict, "site", own)
    own.parent = root
    handler = logging.StreamHandler(getattr(sys, stream) if stream else io.StringIO())
    handler.setLevel(logging.INFO)
    handler.addFilter(Named())
    own.addHandler(handler)
    set_up("DEBUG")
    own.log(level, message)
    assert capsys.readouterr().err.count(message) == times


def test_machines_are_told_what_the_application_says_too(capsys, monkeypatch):
    root, own = logging.getLogger(), logging.Logger("site")
    monkeypatch.setattr(root, "handlers", [])
    monkeypatch.setattr(root, "level", root.level)
    monkeypatch.setitem(logging.Logger.manager.loggerDict, "site", own)
    own.parent = root
    own.addHandler(logging.StreamHandler(sys.stderr))
    set_up(json_lines=True)
    own.error("failed")
    plain, line = capsys.readouterr().err.splitlines()
    assert (plain, json.loads(line)["message"]) == ("failed", "failed")
