"""A process with a channel layer, led by lines of JSON: `[method, arguments…]` in, `[result]` or `[null, error]` out. "fork" leads to a child from then on."""

import asyncio
import json
import os
import sys

from django.conf import settings

settings.configure(SECRET_KEY="of a test", EVERYWIRE={})

from everywire.django import ChannelLayer  # noqa: E402 - settings come first

layer = ChannelLayer(**json.loads(sys.argv[1]))


async def done(method, *given):
    if method == "dropped":
        return layer.dropped
    found = await asyncio.wait_for(getattr(layer, method)(*given), 15)
    return [each.session for each in found] if method == "group_members" else found


def main():
    for line in sys.stdin:
        method, *given = json.loads(line)
        if method == "fork":
            if (child := os.fork()) != 0:
                os.waitpid(child, 0)
                return
            print(json.dumps([os.getpid()]), flush=True)
            continue
        try:
            print(json.dumps([asyncio.run(done(method, *given))]), flush=True)
        except Exception as fault:
            print(json.dumps([None, repr(fault)]), flush=True)


main()
