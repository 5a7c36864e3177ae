"""Which consumer has which path."""

from django.urls import path

from rooms.consumers import RoomConsumer

websockets = [path("ws/rooms/<slug:name>/", RoomConsumer.as_asgi())]
