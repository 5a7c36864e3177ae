"""The face for Django: what is published when a transaction commits, the channel layer.

`"everywire.django"` in INSTALLED_APPS is this package. Whatever it has is imported when it is asked for: Django imports the package before its models can be.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from everywire.django.layer import ChannelLayer

__all__ = ["ChannelLayer"]

_PLACES: Final[dict[str, str]] = {"ChannelLayer": "layer"}  # names, and the module that has each


def __getattr__(name: str) -> Any:
    """Import what is asked for."""
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_PLACES[name]}"), name)
