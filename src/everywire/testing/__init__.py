"""The test kit: in-memory clients of an application, under virtual time."""

from everywire.testing.checker import Fault, Log, Mark, Published, Repeat, Seen, check
from everywire.testing.client import MemoryClient, Refusal
from everywire.testing.clock import VirtualLoop, passed, virtual_world
from everywire.testing.cluster import Cluster
from everywire.testing.dialling import Cable, Dialling
from everywire.testing.faults import SlowBroker
from everywire.testing.follower import Follower
from everywire.testing.journal import Journal, load, save
from everywire.testing.net import Net
from everywire.testing.shared import SharedBroker, View
from everywire.testing.witness import Witness

__all__ = [
    "Cable",
    "Cluster",
    "Dialling",
    "Fault",
    "Follower",
    "Journal",
    "Log",
    "Mark",
    "MemoryClient",
    "Net",
    "Published",
    "Refusal",
    "Repeat",
    "Seen",
    "SharedBroker",
    "SlowBroker",
    "View",
    "VirtualLoop",
    "Witness",
    "check",
    "load",
    "passed",
    "save",
    "virtual_world",
]
