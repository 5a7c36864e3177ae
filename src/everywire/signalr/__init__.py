"""A face for those who come from .NET: hubs as classes, for the clients of SignalR.

    from everywire import Everywire
    from everywire.signalr import Hub

    class Chat(Hub):
        async def send_message(self, user: str, text: str):
            await self.clients.all.send("ReceiveMessage", user, text)

    app = Everywire()
    app.signalr("/chat", Chat)
    app.run(port=8000)

docs/signalr.md says what differs.
"""

from everywire.signalr.clients import Clients, Groups, HubClients, One, Several, Some
from everywire.signalr.exceptions import HubException
from everywire.signalr.hosting import HubOptions
from everywire.signalr.hub import CallerContext, Hub, HubContext, hub_method
from everywire.signalr.services import singleton

__all__ = [
    "CallerContext",
    "Clients",
    "Groups",
    "Hub",
    "HubClients",
    "HubContext",
    "HubException",
    "HubOptions",
    "One",
    "Several",
    "Some",
    "hub_method",
    "singleton",
]
