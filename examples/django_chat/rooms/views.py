"""The pages."""

from asgiref.sync import async_to_sync
from channels.layers import get_channel_layer
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_POST


def index(request: HttpRequest) -> HttpResponse:
    """Ask for a room."""
    return render(request, "rooms/index.html")


def room(request: HttpRequest, name: str) -> HttpResponse:
    """Show a room."""
    return render(request, "rooms/room.html", {"name": name})


@require_POST
def announce(request: HttpRequest, name: str) -> HttpResponse:
    """Say something in a room from plain code."""
    said = {"type": "room.said", "text": f"Announcement: {request.POST['text']}"}
    async_to_sync(get_channel_layer().group_send)(f"room_{name}", said)
    return HttpResponse(status=204)
