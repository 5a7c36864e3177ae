import os

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "mysite.settings")
django.setup()

from everywire.django import asgi  # noqa: E402
from mysite.realtime import app  # noqa: E402

application = asgi(app)
