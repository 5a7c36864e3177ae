"""What a text that SockJS carries and a handler gives back costs in user space: from the frame in the receive buffer to the frame in the queue.

`python bench/experiments/sockjs_echo.py [--calls N] [--at-once N] [--clients N] [--path /sockjs|/plain] [--profile]`: by clients without
sockets (`fed.py`). `/plain` is the same handler without SockJS.

On two cores shared with much else (AMD EPYC, Python 3.11): 3.97 µs, 3.55 with framing and texts compiled. Of these, framing and reading are 0.30, framing
and writing 0.37, the handler 0.33, the transport's queue 0.39; the WebSocket and its line 0.6. No part stands out, and what SockJS adds is below 0.6.
"""

from fed import UNLIMITED, measure, options

from everywire.app import Everywire

TEXT = "x" * 32
# Its target, what it says, and how many messages there were before the first answer.
PATHS = {"/sockjs": ("/sockjs/000/{}/websocket", f'["{TEXT}"]', 1), "/plain": ("/plain", TEXT, 0)}

app = Everywire(settings=UNLIMITED)
app.sockjs("/sockjs", speaks="text")
app.websocket("/plain")


@app.on("message", inline=True)
def message(data: str) -> str:
    return data


parser = options(at_once=1)
parser.add_argument("--path", choices=PATHS, default="/sockjs")
given = parser.parse_args()
target, said, greetings = PATHS[given.path]
measure(app, given, lambda number: (target.format(number), [], greetings), lambda _: said)
