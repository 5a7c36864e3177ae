"""The broker of a single node: everything in this process's memory."""

from everywire.brokers.memory.broker import MemoryBroker

__all__ = ["MemoryBroker"]
