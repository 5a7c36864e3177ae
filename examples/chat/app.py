"""The chat's server: the application that `everywire demo` serves, to be run from here and changed.

All of it is in `everywire/demo.py`, some 20 lines: two kinds of channels and a folder of static files.

    everywire run app:app --reload
"""

from everywire.demo import chat

app = chat()

# Yours to try: a room that everybody reads and only the server writes. An exact name goes before a pattern.
app.channel("room:news", history=50, presence=True, may_publish=False)
