"""The chat's server: the application that `everywire demo` serves, to be run from here and changed, and spoken to by clients of other libraries.

The chat itself is in `everywire/demo.py`, some 20 lines: two kinds of channels and a folder of static files.

    everywire run app:app --reload
"""

from pathlib import Path
from urllib.parse import unquote

import everywire
from everywire.demo import chat
from everywire.hub.hooks import Connecting

app = chat()

# Yours to try: a room that everybody reads and only the server writes. An exact name goes before a pattern.
app.channel("room:news", history=50, presence=True, may_publish=False)

# The same rooms for clients of other libraries; /families/ shows them side by side.
app.socketio()
app.signalr()
app.sockjs()
app.static("/families", Path(__file__).parent / "families")
app.static("/client", Path(everywire.__file__).parent / "_static")


@app.on_connect
def believe(connecting: Connecting) -> str | None:
    """Take whoever shows a token for who it says: an example, where names are what their bearers say they are anyway."""
    return unquote(connecting.token) if connecting.token else None
