"""Bar charts of the results as one SVG, written by hand so that no drawing library is needed."""

from __future__ import annotations

from html import escape

from harness import scenarios, servers
from harness.table import number
from harness.targets import Figures

PANELS = ("echo", "echo-16", "fan", "fan-16", "idle", "churn")
SHOWN = ("floor", "everywire", "everywire-async", "picows", "websockets", "aiohttp", "uvicorn", "ws")
COLUMNS, PANEL_WIDTH, BAR, GAP, LABEL = 2, 460, 18, 5, 150
MARGIN, TITLE = 24, 30
STYLE = """
  text { font: 12px system-ui, sans-serif; fill: #333 } .title { font-weight: 600; font-size: 13px }
  .unit { fill: #777 } .ours { fill: #d9480f } .floor { fill: #adb5bd } .peer { fill: #5c7cfa }
  @media (prefers-color-scheme: dark) { text { fill: #ddd } .unit { fill: #999 } .floor { fill: #868e96 } }
"""


def _colour(server: str) -> str:
    return "floor" if server == "floor" else "ours" if server.startswith("everywire") else "peer"


def _bars(figures: Figures, panel: str) -> list[tuple[str, float]]:
    found = figures.get(panel, {})
    values = [(name, found[name].median("figure")) for name in SHOWN if name in found]
    return [(name, value) for name, value in values if value is not None]


def _bar(name: str, value: float, greatest: float, top: float) -> str:
    room = PANEL_WIDTH - LABEL - 70
    width = max(1.0, room * value / greatest)
    title = escape(servers.BY_NAME[name].title)
    middle = top + BAR * 0.72
    return (
        f'<text x="{LABEL - 6}" y="{middle:.1f}" text-anchor="end">{title.replace(", core API, uvloop", "")}</text>'
        f'<rect class="{_colour(name)}" x="{LABEL}" y="{top:.1f}" width="{width:.1f}" height="{BAR}" rx="2"/>'
        f'<text x="{LABEL + width + 5:.1f}" y="{middle:.1f}">{number(value)}</text>'
    )


def _panel(figures: Figures, panel: str, left: float, top: float) -> str:
    bars = _bars(figures, panel)
    scenario = scenarios.BY_NAME[panel]
    greatest = max(value for _, value in bars)
    rows = [_bar(name, value, greatest, TITLE + row * (BAR + GAP)) for row, (name, value) in enumerate(bars)]
    head = f'<text class="title" x="0" y="14">{escape(scenario.title)} <tspan class="unit">{escape(scenario.unit)}</tspan></text>'
    return f'<g transform="translate({left:g} {top:g})">{head}{"".join(rows)}</g>'


def draw(figures: Figures, caption: str) -> str:
    """The chart as SVG text: one panel per important scenario, shorter bars are better."""
    panels = [panel for panel in PANELS if _bars(figures, panel)]
    height = TITLE + len(SHOWN) * (BAR + GAP) + MARGIN
    rows = -(-len(panels) // COLUMNS)
    width, total = COLUMNS * (PANEL_WIDTH + MARGIN) + MARGIN, rows * height + 2 * MARGIN + TITLE
    drawn = [
        _panel(
            figures,
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
