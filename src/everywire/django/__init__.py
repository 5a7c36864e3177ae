"""The face for Django: publishing from views, what is published when a transaction commits, users and sessions, the channel layer.

`"everywire.django"` in INSTALLED_APPS is this package. Whatever it has is imported when it is asked for: Django imports the package before its models can be.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from everywire.django.application import Everywire
    from everywire.django.committing import publish_on_commit
    from everywire.django.layer import ChannelLayer
    from everywire.django.mounting import asgi
    from everywire.django.publishing import apublish, publish
    from everywire.django.users import auser_of, identify, user_of

__all__ = [
    "ChannelLayer",
    "Everywire",
    "apublish",
    "asgi",
    "auser_of",
    "identify",
    "publish",
    "publish_on_commit",
    "user_of",
]

_PLACES: Final = {
    "ChannelLayer": "layer",
    "Everywire": "application",
    "apublish": "publishing",
    "asgi": "mounting",
    "auser_of": "users",
    "identify": "users",
    "publish": "publishing",
    "publish_on_commit": "committing",
    "user_of": "users",
}


def __getattr__(name: str) -> Any:
    """Import what is asked for."""
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        return getattr(import_module(f"{__name__}.{_PLACES[name]}"), name)
    except ModuleNotFoundError as fault:
        missing = (fault.name or "").partition(".")[0]
        if missing not in ("asgiref", "channels", "django"):
            raise
        text = f"everywire.django needs {missing}: pip install 'everywire[django]'"
        raise ModuleNotFoundError(text, name=fault.name) from fault
