"""Processes that a foreign server evidently started beside this one."""

import sys
from types import SimpleNamespace

import pytest

from everywire.servers.asgi.several import among_several


def within(module, **known):
    """Ask as what that module runs does, where a function of it knows that."""
    names = {"__name__": module, "ask": among_several}
    exec(f"def run({', '.join(known)}): return ask()", names)
    return names["run"](**known)


@pytest.mark.parametrize(
    ("module", "known", "several"),
    [
        ("uvicorn._subprocess", {"config": SimpleNamespace(workers=2, should_reload=False)}, True),
        ("uvicorn._subprocess", {"config": SimpleNamespace(workers=2, should_reload=True)}, False),
        ("uvicorn._subprocess", {"config": SimpleNamespace(workers=1, should_reload=False)}, False),
        ("uvicorn._subprocess", {"config": None}, False),
        ("uvicorn._subprocess", {}, False),
        ("hypercorn.asyncio.run", {"config": SimpleNamespace(workers=4)}, True),
        ("gunicorn.arbiter", {"self": SimpleNamespace(num_workers=3)}, True),
        ("gunicorn.arbiter", {"self": SimpleNamespace(num_workers=1)}, False),
        ("granian.server.mp", {"worker_id": 2}, True),
        ("granian.server.mp", {"worker_id": 1}, False),
        ("mine", {"config": SimpleNamespace(workers=4)}, False),
    ],
)
def test_what_a_server_knows_of_its_processes(module, known, several):
    assert within(module, **known) is several
    assert not among_several(sys._getframe())
