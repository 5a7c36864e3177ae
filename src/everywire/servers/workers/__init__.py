"""Several workers on one port: a supervisor, a process with the logs, and the workers themselves."""

from everywire.servers.workers.control import Ready
from everywire.servers.workers.supervisor import Plan, Supervisor
from everywire.servers.workers.worker import Worker

__all__ = ["Plan", "Ready", "Supervisor", "Worker"]
