"""Nodes on one broker in one time, and clients who can be asked, which the tests of crowds share."""

from everywire.app import Everywire
from everywire.hub.settings import Settings
from everywire.testing import Cluster


def make(**settings):
    """Give what makes the application of each node: the token is the user's name."""

    def made():
        app = Everywire(settings=Settings(**settings))
        app.channel("room:{name}", history=5)
        app.on_connect(lambda connecting: connecting.token)
        return app

    return made


class Crowd(Cluster):
    """A cluster that says what a question to its first node comes to, and how long that took."""

    def __init__(self, count=2, **settings):
        super().__init__(make(**settings), count)

    def node(self, number=0):
        """Give a node's application."""
        return self.nodes[number].app

    def come(self, number, user, *rooms):
        """Have a client come to a node, and into rooms."""
        client = self.nodes[number].connect(token=user)
        for room in rooms:
            client.subscribe(f"room:{room}")
        return client

    def get(self, awaitable):
        """Give what comes of it."""
        began = self.loop.time()
        try:
            return self.loop.run_until_complete(awaitable)
        finally:
            self.took = round(self.loop.time() - began, 3)
