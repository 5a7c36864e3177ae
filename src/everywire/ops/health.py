"""Health and readiness, as load balancers and container schedulers ask for them."""

from __future__ import annotations

import asyncio

from everywire.brokers.base import Broker
from everywire.http.request import Request, Response
from everywire.hub.hub import Hub
from everywire.ops.view import linked

__all__ = ["Health"]

_PATIENCE = 0.8  # seconds for the broker to answer


class Health:
    """Answers `/healthz` (the process serves) and `/readyz` (send it clients).

    A node is not ready while it drains or its broker does not answer. Invariants: `draining` never becomes false again.
    """

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self.draining = False

    def alive(self, request: Request) -> Response:
        """Answer 200: whoever gets this answer, serves."""
        return _said(200, "ok")

    async def ready(self, request: Request) -> Response:
        """Answer 200, or 503 with the reason."""
        if self.draining:
            return _said(503, "draining")
        if not linked(self._hub):
            return _said(503, "the broker is out of reach")
        if not await self._answers(self._hub.broker):
            return _said(503, "the broker does not answer")
        return _said(200, "ready")

    async def _answers(self, broker: Broker) -> bool:
        try:
            async with asyncio.timeout(_PATIENCE):
                await broker.ends(())
        except Exception:
            return False
        return True


def _said(status: int, word: str) -> Response:
    return Response(status, word + "\n", [("Cache-Control", "no-store")])
