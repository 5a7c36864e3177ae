"""Hubs of SignalR as classes, at paths of an application."""

from __future__ import annotations

from abc import abstractmethod

from everywire.hub.hooks import Hooks
from everywire.hub.hub import Hub as Authority
from everywire.signalr.hosting import Hosting, HubOptions
from everywire.signalr.hub import Hub, HubContext

__all__ = ["Hosts"]


class Hosts:
    """The part of an application that has hubs."""

    _hooks: Hooks
    _hosted: list[Hosting]

    @property
    @abstractmethod
    def hub(self) -> Authority:
        """The running hub; raises `EverywireError` before the start."""

    def host(self, path: str, hub: type[Hub], options: HubOptions) -> HubContext:
        """Have the sessions whose space is `path` answered by the methods of a hub; raises `ValueError` where there is one already."""
        hosting = Hosting(path, hub, self._hooks, lambda: self.hub, options)
        hosting.open()
        self._hosted.append(hosting)
        return hosting.context
