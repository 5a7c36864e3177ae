"""The views of the site of the tests."""

from typing import Any

from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.urls import path

from everywire.django import apublish, publish, publish_on_commit


def say(request: HttpRequest) -> HttpResponse:
    """Publish, now or with a transaction, which fails where that is wanted."""
    said: dict[str, Any] = {"text": request.GET["text"]}
    if "now" in request.GET:
        publish("room:1", said)
        return HttpResponse("said")
    with transaction.atomic():
        publish_on_commit("room:1", said)
        if "fail" in request.GET:
            transaction.set_rollback(True)
    return HttpResponse("said")


async def asay(request: HttpRequest) -> HttpResponse:
    """Publish in a coroutine."""
    await apublish("room:1", {"text": request.GET["text"]})
    return HttpResponse("said")


urlpatterns = [
    path("say/", say),
    path("asay/", asay),
    path("healthz", lambda request: HttpResponse("the site is well")),
]
