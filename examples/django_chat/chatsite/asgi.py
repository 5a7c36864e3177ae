"""The site as Channels has it: pages by Django, WebSockets by consumers."""

import os

from channels.auth import AuthMiddlewareStack
from channels.routing import ProtocolTypeRouter, URLRouter
from channels.security.websocket import AllowedHostsOriginValidator
from django.contrib.staticfiles.handlers import ASGIStaticFilesHandler
from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "chatsite.settings")
pages = ASGIStaticFilesHandler(get_asgi_application())  # the style sheet, while the site is developed

from rooms.routing import websockets  # noqa: E402  Django has to be set up before

application = ProtocolTypeRouter(
    {"http": pages, "websocket": AllowedHostsOriginValidator(AuthMiddlewareStack(URLRouter(websockets)))}
)
