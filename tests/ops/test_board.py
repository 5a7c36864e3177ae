"""The board of `everywire top`."""

from everywire.metrics import Durations
from everywire.ops.board import board
from everywire.ops.view import View


def view(**counters):
    counts = [0] * (len(Durations.bounds) + 1)
    counts[1], counts[4] = counters.get("publications", 0), counters.get("slow", 0)
    return View(
        ["a", "b"],
        counters,
        {"websocket": 1200, "sse": 3},
        {"1006": 7},
        {},
        1203,
        900,
        40,
        2400,
        5,
        counts,
        0.1,
        linked=2,
    )


def line(lines, start):
    (found,) = [line for line in lines if line.startswith(start)]
    return found.split()


def test_the_first_look_has_no_rates():
    lines = board(view(publications=10), None, 0)
    assert lines[0] == "everywire · 2 nodes"
    assert line(lines, "connections")[1:] == ["1,203", "3", "sse,", "1,200", "websocket"]
    assert line(lines, "publications") == ["publications", "10"]
    assert line(lines, "closed with") == ["closed", "with", "1006:", "7"]


def test_rates_are_of_the_time_between_two_looks():
    lines = board(view(publications=110), view(publications=10), 2.0)
    assert line(lines, "publications") == ["publications", "110", "50.0"]
    assert "p50 ≤ 1 ms, p99 ≤ 1 ms" in " ".join(line(lines, "publish "))


def test_a_node_that_ended_is_no_negative_rate():
    assert line(board(view(publications=1), view(publications=10), 1.0), "publications")[2] == "0.0"


def test_the_tail_shows():
    assert "p50 ≤ 1 ms, p99 ≤ 10 ms" in " ".join(line(board(view(publications=90, slow=10), None, 0), "publish "))


def test_what_is_wrong_with_nodes_shows():
    one = view()
    one.linked, one.silent = 1, 3
    assert board(one, None, 0)[0] == "everywire · 2 nodes, 3 silent, 1 without a broker"


def test_lines_fit_the_terminal():
    assert max(len(line) for line in board(view(), None, 0, width=40)) <= 40
    assert board(View([], {}, {}, {}, {}), None, 0)
