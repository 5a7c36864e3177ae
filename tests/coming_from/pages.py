"""The pages of docs/coming-from: another project's code on the left, ours on the right, and what runs the right.

A pair of sides is one element of the page: `<div class="sides" markdown>`, two fenced blocks with titles, `</div>`, under a heading that no
other pair of that page has. The title of the right one begins with "everywire"; the left one's is whatever they call theirs.

```
## A server

<div class="sides" markdown>

```python title="websockets"
…
```

```python title="everywire"
…
```

</div>
```

A test asks for a right-hand side by its page and heading, both written out, `right("websockets", "A server")`: that is how
`test_pages.py` knows that there is a test for each. `python` blocks are executed as a module that is not `__main__`, with port 8000 replaced.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

FOLDER = Path(__file__).resolve().parents[2] / "docs" / "coming-from"
OURS = "everywire"
_SIDES = re.compile(r'^<div class="sides" markdown>\n(.*?)^</div>$', re.MULTILINE | re.DOTALL)
_BLOCK = re.compile(r'^```(\w+) title="([^"]+)"\n(.*?)^```$', re.MULTILINE | re.DOTALL)
_HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)


@dataclass(frozen=True)
class Block:
    """One side: its page, the line where its text begins, and the text."""

    page: str
    line: int
    language: str
    title: str
    text: str

    def run(self, *, port: int = 8000, name: str = "page") -> dict[str, Any]:
        """Execute it as a module; gives the module's names. The lines of a traceback are those of the page."""
        text = "\n" * (self.line - 1) + self.text.replace("8000", str(port))
        module = ModuleType(name)
        exec(compile(text, f"{self.page}.md", "exec"), vars(module))
        return vars(module)

    @asynccontextmanager
    async def served(self, app: str = "app") -> AsyncIterator[int]:
        """Serve the `Everywire` that it calls `app` while the context lasts; gives the port."""
        async with self.run()[app].serving(port=0) as server:
            yield server.port


@dataclass(frozen=True)
class Sides:
    """What stands beside each other under one heading."""

    heading: str
    left: Block
    right: Block


@cache
def sides(page: str) -> dict[str, Sides]:
    """Give the pairs of a page by their headings; raises `ValueError` for one that is not written as above."""
    text = (FOLDER / f"{page}.md").read_text()
    found: dict[str, Sides] = {}
    for pair in _SIDES.finditer(text):
        heading = _HEADING.findall(text, 0, pair.start())[-1]
        blocks = list(_blocks(page, text, pair))
        if len(blocks) != 2 or not blocks[1].title.startswith(OURS) or blocks[0].title.startswith(OURS):
            raise ValueError(f"{page}, {heading}: two blocks with titles, theirs first, ours second")
        if heading in found:
            raise ValueError(f"{page}: two pairs under {heading!r}")
        found[heading] = Sides(heading, *blocks)
    return found


def _blocks(page: str, text: str, pair: re.Match[str]) -> Iterator[Block]:
    for block in _BLOCK.finditer(text, *pair.span(1)):
        line = text.count("\n", 0, block.start()) + 2
        yield Block(page, line, block[1], block[2], block[3])


def right(page: str, heading: str) -> Block:
    """Give our side of a pair."""
    return sides(page)[heading].right


def left(page: str, heading: str) -> Block:
    """Give their side of a pair."""
    return sides(page)[heading].left
