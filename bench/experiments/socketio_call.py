"""What an acknowledged event of Socket.IO costs in user space: from the frame in the receive buffer to the frame in the queue.

`python bench/experiments/socketio_call.py [--calls N] [--at-once N] [--clients N] [--name NAME] [--profile]`: calls of a handler, by clients
without sockets (`fed.py`).

On two cores shared with much else (AMD EPYC, Python 3.11): 12.5 µs before calls were answered as they come; 7.6 then; 5.6 with a reader without
expressions and fewer steps; 3.5 compiled; a WebSocket's echo is 0.5 of them. docs/decisions/013 says what each compiled module brings.
"""

from fed import UNLIMITED, measure, options

from everywire import Caller
from everywire.app import Everywire

TARGET = "/socket.io/?EIO=4&transport=websocket"

app = Everywire(settings=UNLIMITED)
app.socketio()


@app.on("echo", inline=True)
def echo(text: str) -> str:
    return text


@app.on("whoami", inline=True)
def whoami(caller: Caller, text: str) -> str:
    return caller.session


parser = options(at_once=16)
parser.add_argument("--name", default="echo")
given = parser.parse_args()
measure(app, given, lambda _: (TARGET, ["40"], 2), lambda number: f'42{number}["{given.name}","{"x" * 32}"]')
