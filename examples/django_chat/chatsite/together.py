"""The same site, and beside it clients of other libraries in the same rooms."""

from rooms.realtime import app

from chatsite.asgi import application as site
from everywire.django import asgi

application = asgi(app, site)
