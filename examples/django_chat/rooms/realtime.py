"""The rooms as channels, for clients of everywire, Socket.IO and others."""

from everywire.django import Everywire

app = Everywire()
app.channel("room_{name}", history=50)  # the group "room_tea" of Channels is the channel "room_tea"
app.socketio()
