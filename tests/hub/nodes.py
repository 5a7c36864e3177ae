"""Nodes on one broker, in one virtual time."""

from everywire.testing import SharedBroker, VirtualLoop


class SharedNodes:
    """`count` nodes, each as `node` of the subclass makes it.

    Invariants: `nets` keeps its order; a node that was killed stays in it.
    """

    def __init__(self, count=2):
        self.loop, self.shared = VirtualLoop(), SharedBroker()
        self.nets = [self.node(number) for number in range(count)]

    def node(self, number):
        """The net of one node, in `self.loop` and on `self.shared`."""
        raise NotImplementedError

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for net in self.nets:
            net.__exit__()
        self.loop.close()

    def run(self, seconds=0.01):
        self.loop.run(seconds)

    def kill(self, number):
        """A node that is heard of no more and hears nothing; its clients lose their connections."""
        self.shared.views[number].cut()
        self.nets[number].app.hub.close()
