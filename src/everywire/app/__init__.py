"""The public face: `Everywire()`, its channels, handlers and routes."""

from everywire.app.declaring import ChannelOptions
from everywire.app.everywire import Everywire

__all__ = ["ChannelOptions", "Everywire"]
