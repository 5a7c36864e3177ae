"""The house rules find what they are for, and only that."""

from collections.abc import Callable, Iterator

import pytest
from tests.house import rules
from tests.house.rules import Source

BODY = "\n".join(f"    x{i} = {i}" for i in range(39))


def said(
    rule: Callable[[Source], Iterator[str]],
    text: str,
    path: str = "src/everywire/ws/frames.py",
    types: str | None = None,
) -> list[str]:
    return list(rule(Source(path, text, types)))


OFFENCES = [
    (rules.long_functions, f"def f():\n{BODY}\n    x = 40\n", "f has 41 lines"),
    (
        rules.long_functions,
        "class A:\n    def g(self):\n" + BODY.replace("    ", "        ") + "\n        x = 1\n",
        "A.g has 41",
    ),
    (rules.long_native_functions, f"cdef int f(self, int a) except -1:\n{BODY}\n    x = 40\n", "f has 41 lines"),
    (rules.long_native_functions, f"def f(\n    a,\n):\n{BODY}\n", "f has 42 lines"),
    (rules.long_file, "x = 1\n" * 501, "501 lines"),
    (rules.many_parameters, "def f(a, b, c, d, e, g): ...", "6 parameters"),
    (rules.many_parameters, "class A:\n    def f(self, a, b, c, *, d, e, g): ...", "A.f has 6 parameters"),
    (rules.many_parameters, "class A:\n    @staticmethod\n    def f(a, b, c, d, e, g): ...", "6 parameters"),
    (rules.positional_booleans, "def f(a, quick: bool): ...", "'quick'"),
    (rules.positional_booleans, "class A:\n    async def f(self, a, quick=True): ...", "'quick'"),
    (rules.missing_docstrings, "x = 1", "the module does not say"),
    (rules.missing_docstrings, '"""Here."""\n\nclass A: ...', "A is public"),
    (rules.missing_docstrings, '"""Here."""\n\nasync def f(): ...', "f is public"),
    (rules.impure_imports, "import asyncio", "imports asyncio"),
    (rules.impure_imports, "def f():\n    from time import monotonic", "imports time"),
    (rules.impure_imports, "import os, socket as s", "imports socket"),
    (rules.negative_indices, "x = a[-1]", "negative index a[-1]"),
    (rules.matches, "match x:\n    case 1: pass", "match x in a compiled module"),
    (rules.sleeps, "await asyncio.sleep(0.1)", "asyncio.sleep(0.1)"),
    (rules.sleeps, "sleep(delay)", "sleep(delay)"),
    (rules.foreign_words, "class PacketReader: ...", "PacketReader: say frame"),
    (rules.foreign_words, "self.topic = 1", "topic: say channel"),
    (rules.foreign_words, "def f(adapter): ...", "say broker"),
    (rules.secrets_compared, "if token == shown: ...", "compare_digest"),
    (rules.secrets_compared, "x = self._secret != given.resume", "compare_digest"),
    (rules.code_from_data, "import pickle", "imports pickle"),
    (rules.code_from_data, "def f():\n    from marshal import loads", "imports marshal"),
    (rules.code_from_data, "x = eval(text)", "eval(text)"),
    (rules.leftovers, "x = 1  # TO" + "DO: think", "was left behind"),
    (rules.leftovers, "open('/ho" + "me/me/x')", "was left behind"),
]


@pytest.mark.parametrize(("rule", "text", "complaint"), OFFENCES)
def test_an_offence_is_found(rule, text, complaint):
    found = said(rule, text, types="")
    assert len([line for line in found if complaint in line]) >= 1, found


FORGIVEN = [
    (rules.secrets_compared, "if token == '' or kind == other or tokenizer == one: ..."),
    (rules.code_from_data, "x = re.compile(text)\nself.exec(1)"),
    (rules.long_functions, f'def f():\n    """A\n\n    B."""\n    # why\n\n{BODY}\n'),
    (rules.long_native_functions, f'cdef f():\n    """A\n\n    B."""\n    # why\n\n{BODY}\n\ndef g(): pass\n'),
    (rules.long_native_functions, f"cdef class A(B):\n    cdef int x\n{BODY}\n{BODY}\n"),
    (rules.long_file, "x = 1\n" * 500),
    (rules.many_parameters, "class A:\n    def f(self, a, b, c, d, e): ..."),
    (rules.positional_booleans, "def f(a, *, quick: bool = True): ..."),
    (rules.positional_booleans, "class A:\n    @x.setter\n    def x(self, value: bool): ..."),
    (rules.missing_docstrings, '"""Here."""\n\ndef _f(): ...'),
    (rules.impure_imports, "import struct\nimport everywire.ws.time"),
    (rules.negative_indices, "x = a[-4:] + a[1]"),
    (rules.matches, "match = 1"),
    (rules.sleeps, "await asyncio.sleep(0)"),
    (rules.foreign_words, "import packet\nchannel = packet.topic"),
    (rules.leftovers, "hacked = todo = '/homes/'"),
]


@pytest.mark.parametrize(("rule", "text"), FORGIVEN)
def test_what_is_right_is_not_complained_of(rule, text):
    assert said(rule, text, types="") == []


def test_a_function_that_the_pxd_types_may_take_booleans_by_position():
    text = "class D:\n    def take(self, end: bool): ...\n    def other(self, end: bool): ..."
    assert [
        line.split()[1] for line in said(rules.positional_booleans, text, types="cdef int take(self, bint end)")
    ] == ["D.other"]


def test_only_compiled_modules_are_kept_from_negative_indices():
    assert said(rules.negative_indices, "x = a[-1]", types=None) == []


def test_only_compiled_modules_are_kept_from_matches():
    assert said(rules.matches, "match x:\n    case 1: pass", types=None) == []


def test_layers_that_do_io_may_import_it():
    assert said(rules.impure_imports, "import asyncio", path="src/everywire/engine/portable.py") == []


@pytest.mark.parametrize(
    ("path", "text", "guilty"),
    [
        ("dialects/sockjs.py", "from everywire.dialects.socketio import X", True),
        ("dialects/sockjs.py", "from . import socketio", True),
        ("dialects/sockjs.py", "from .socketio import X", True),
        ("dialects/sockjs.py", "from everywire.dialects import base", False),
        ("dialects/sockjs.py", "from everywire.dialects.base import Intent", False),
        ("dialects/signalr/writing.py", "from everywire.dialects.emission import emission", False),
        ("brokers/redis.py", "import everywire.brokers.memory", True),
        ("hub/hub.py", "from everywire.brokers.memory import MemoryBroker", True),
        ("hub/hub.py", "from everywire.brokers.base import Broker", False),
        ("app.py", "from everywire.brokers.memory import MemoryBroker", False),
    ],
)
def test_siblings_do_not_know_each_other(path, text, guilty):
    assert bool(said(rules.sideways_imports, text, path=f"src/everywire/{path}")) is guilty


def test_vague_names_are_found():
    paths = ["ws/utils.py", "hub/base/x.py", "core/__init__.py", "brokers/base.py", "ws/frames.py"]
    assert [line.split(":")[0] for line in rules.vague_names(paths)] == paths[:3]


def test_a_module_without_its_tests_is_found():
    modules = ["errors.py", "ws/__init__.py", "ws/frames.py", "ws/link.py", "engine/native.pyx"]
    tests = {"test_errors.py", "ws/test_frames_long.py", "test_link.py"}
    assert list(rules.unmirrored(modules, tests)) == [
        "ws/link.py: no tests/ws/test_link.py",
        "engine/native.pyx: no tests/engine/test_native.py",
    ]
    assert list(rules.unmirrored(modules, tests, exempt={"ws/link.py", "engine/native.pyx"})) == []
