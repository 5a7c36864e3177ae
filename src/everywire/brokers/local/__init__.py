"""The broker of several workers on one machine: one process has the logs, the others reach it over a Unix socket."""

from everywire.brokers.local.client import LocalBroker, Patience
from everywire.brokers.local.host import Host
from everywire.brokers.local.sockets import connector, serve

__all__ = ["Host", "LocalBroker", "Patience", "connector", "serve"]
