"""The worker that this process is."""

import os
from typing import Any, cast

from everywire.servers import here


def test_a_child_of_a_worker_is_none(monkeypatch):
    worker = cast(Any, object())
    assert here.worker() is None
    here.settle(worker)
    assert here.worker() is worker
    monkeypatch.setattr(os, "getpid", lambda: -1)
    assert here.worker() is None
    here.settle(None)
