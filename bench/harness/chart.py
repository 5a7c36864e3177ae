"""Bar charts of the results as one SVG, written by hand so that no drawing library is needed."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape

from harness import scenarios, servers
from harness.table import number
from harness.targets import Figures

HUB_PEERS = ("socketio-node", "socketio-python", "channels")
CORE_PANELS = ("echo", "echo-16", "fan", "fan-16", "idle", "churn")
DIALECTS = ("group", "group-16", "everybody", "everybody-16", "back", "back-16")
PANELS = (*CORE_PANELS, "hub", "hub-16", "subscribed", "ack", "ack-16", "room", "room-16", "sessions", *DIALECTS)
CORE = ("floor", "everywire", "everywire-async", "picows", "websockets", "aiohttp", "uvicorn", "ws")
HUB = (
    "floor-broadcast",
    "everywire-broadcast",
    "everywire-idle",
    "hub",
    "hub-msgpack",
    "hub-presence",
    "socketio",
    "socketio-async",
    "native",
    "native-msgpack",
    "signalr",
    "signalr-msgpack",
    "sockjs",
    "sockjs-node",
    *HUB_PEERS,
)
SHOWN = (*CORE, *HUB)
COLUMNS, PANEL_WIDTH, BAR, GAP, LABEL = 2, 460, 18, 5, 190
MARGIN, TITLE = 24, 30
STYLE = """
  text { font: 12px system-ui, sans-serif; fill: #333 } .title { font-weight: 600; font-size: 13px }
  .unit { fill: #777 } .ours { fill: #d9480f } .floor { fill: #adb5bd } .peer { fill: #5c7cfa }
  @media (prefers-color-scheme: dark) { text { fill: #ddd } .unit { fill: #999 } .floor { fill: #868e96 } }
"""


@dataclass(frozen=True)
class Panel:
    """One kind of figure: what it is, its unit, and a bar for each (label, colour class, value)."""

    title: str
    unit: str
    bars: list[tuple[str, str, float]]


def _colour(server: str) -> str:
    ours = servers.BY_NAME[server].title.startswith("everywire")
    return "floor" if server.startswith("floor") else "ours" if ours else "peer"


def _label(server: str) -> str:
    return servers.BY_NAME[server].title.replace(", core API, uvloop", "")


def _measured(figures: Figures, name: str) -> Panel:
    found, scenario = figures.get(name, {}), scenarios.BY_NAME[name]
    values = [(server, found[server].median("figure")) for server in SHOWN if server in found]
    bars = [(_label(server), _colour(server), value) for server, value in values if value is not None]
    return Panel(scenario.title, scenario.unit, bars)


def _bar(bar: tuple[str, str, float], greatest: float, top: float) -> str:
    label, colour, value = bar
    room = PANEL_WIDTH - LABEL - 70
    width = max(1.0, room * value / (greatest or 1.0))
    middle = top + BAR * 0.72
    return (
        f'<text x="{LABEL - 6}" y="{middle:.1f}" text-anchor="end">{escape(label)}</text>'
        f'<rect class="{colour}" x="{LABEL}" y="{top:.1f}" width="{width:.1f}" height="{BAR}" rx="2"/>'
        f'<text x="{LABEL + width + 5:.1f}" y="{middle:.1f}">{number(value)}</text>'
    )


def _drawn(panel: Panel, left: float, top: float) -> str:
    greatest = max(value for _, _, value in panel.bars)
    rows = [_bar(bar, greatest, TITLE + row * (BAR + GAP)) for row, bar in enumerate(panel.bars)]
    head = f'<text class="title" x="0" y="14">{escape(panel.title)} <tspan class="unit">{escape(panel.unit)}</tspan></text>'
    return f'<g transform="translate({left:g} {top:g})">{head}{"".join(rows)}</g>'


def sheet(panels: list[Panel], caption: str) -> str:
    """Panels side by side as SVG text."""
    height = TITLE + max((len(panel.bars) for panel in panels), default=0) * (BAR + GAP) + MARGIN
    rows = -(-len(panels) // COLUMNS)
    width, total = COLUMNS * (PANEL_WIDTH + MARGIN) + MARGIN, rows * height + 2 * MARGIN + TITLE
    drawn = [
        _drawn(
            panel,
            MARGIN + index % COLUMNS * (PANEL_WIDTH + MARGIN),
            MARGIN + TITLE + index // COLUMNS * height,
        )
        for index, panel in enumerate(panels)
    ]
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {total}" role="img" aria-label="{escape(caption)}">'
        f'<style>{STYLE}</style><text class="unit" x="{MARGIN}" y="{MARGIN}">{escape(caption)}</text>{"".join(drawn)}</svg>\n'
    )


def draw(figures: Figures, caption: str) -> str:
    """The chart as SVG text: one panel per important scenario, shorter bars are better."""
    panels = [_measured(figures, name) for name in PANELS]
    return sheet([panel for panel in panels if panel.bars], caption)
