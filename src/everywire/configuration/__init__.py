"""Settings from outside the program: the environment's, and those of a TOML file."""

from everywire.configuration.found import Configuration
from everywire.configuration.names import COMMANDS, SECTIONS

__all__ = ["COMMANDS", "SECTIONS", "Configuration"]
