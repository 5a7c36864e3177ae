"""Pages: sync and async, streamed, with files, and one that is broken."""

import asyncio
import hashlib
from collections.abc import AsyncIterator

from django.http import HttpRequest, JsonResponse, StreamingHttpResponse
from django.views.decorators.csrf import csrf_exempt


def asked(request: HttpRequest) -> JsonResponse:
    """Tell what was asked, as Django sees it."""
    seen = {name: request.META.get(name) for name in ("REMOTE_ADDR", "SERVER_PORT", "HTTP_X_TWICE")}
    return JsonResponse(
        {"path": request.get_full_path(), "method": request.method, "secure": request.is_secure(), **seen}
    )


async def later(request: HttpRequest) -> JsonResponse:
    """Answer from the loop."""
    await asyncio.wait_for(asyncio.to_thread(int), 5)
    user = await request.auser()
    return JsonResponse({"user": user.get_username(), "async": True})


async def counted(request: HttpRequest) -> StreamingHttpResponse:
    """Stream lines."""

    async def lines() -> AsyncIterator[bytes]:
        for number in range(int(request.GET["to"])):
            yield b"%d\n" % number
            await asyncio.to_thread(int)

    return StreamingHttpResponse(lines(), content_type="text/plain")


@csrf_exempt
def uploaded(request: HttpRequest) -> JsonResponse:
    """Tell of each file that came."""
    found = {}
    for name, file in request.FILES.items():
        sums = hashlib.sha256()
        for chunk in file.chunks():
            sums.update(chunk)
        found[name] = {"name": file.name, "size": file.size, "sha256": sums.hexdigest()}
    return JsonResponse({"files": found, "fields": dict(request.POST.items())})


def broken(request: HttpRequest) -> JsonResponse:
    """Raise."""
    raise KeyError("broken on purpose")
