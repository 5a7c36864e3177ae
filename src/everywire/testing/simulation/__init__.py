"""Deterministic simulation: nodes, broker, network and clients on one seeded loop with virtual time."""

from everywire.testing.simulation.client import SimulatedClient
from everywire.testing.simulation.network import Network, Pipe
from everywire.testing.simulation.node import MortalWorld, Node

__all__ = ["MortalWorld", "Network", "Node", "Pipe", "SimulatedClient"]
