"""The channel layer: `CHANNEL_LAYERS = {"default": {"BACKEND": "everywire.django.ChannelLayer"}}`."""

from everywire.django.layer.drops import Drop
from everywire.django.layer.layer import ChannelLayer

__all__ = ["ChannelLayer", "Drop"]
