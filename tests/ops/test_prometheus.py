"""What Prometheus reads, read again by its own library."""

import json
import re
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from everywire.app import Everywire
from everywire.ops.prometheus import exposition
from everywire.ops.view import View, look
from everywire.testing import Net

DOCS = Path(__file__).resolve().parent.parent.parent / "docs"
DASHBOARD, OPERATIONS = DOCS / "assets" / "grafana.json", DOCS / "operations.md"


@pytest.fixture
def families():
    app = Everywire()
    app.channel("room:{name}", history=5)
    with Net(app) as net:
        client = net.connect()
        client.subscribe("room:a")
        client.publish("room:a", 1)
        client.send("subscribe", channel="nowhere")
        net.connect().drop(1006)
        text = exposition(look(app.hub)).decode()
    return {family.name: family for family in text_string_to_metric_families(text)}


def value(family, **labels):
    (found,) = [each.value for each in family.samples if each.labels == labels and not each.name.endswith("_created")]
    return found


def test_names_are_what_operators_expect(families):
    assert value(families["everywire_publications"]) == 1
    assert value(families["everywire_sessions"]) == 2
    assert value(families["everywire_connections"], transport="memory") == 1
    assert value(families["everywire_disconnects"], code="1006") == 1
    assert value(families["everywire_refusals"], code="104") == 1
    assert value(families["everywire_recoveries"], result="failed") == 0
    assert all(name.startswith("everywire_") for name in families)
    assert all(family.documentation for family in families.values())


def test_durations_are_a_histogram(families):
    family = families["everywire_publish_duration_seconds"]
    buckets = [each.value for each in family.samples if each.name.endswith("_bucket")]
    assert buckets == sorted(buckets)
    assert buckets[-1] == 1


def test_no_label_is_a_channel_or_a_user(families):
    labels = {label for family in families.values() for sample in family.samples for label in sample.labels}
    assert labels <= {"transport", "code", "result", "policy", "le", "version"}


def test_an_empty_view_is_written_too():
    assert b"everywire_sessions 0.0" in exposition(View([], {}, {}, {}, {}))


def test_clients_cannot_make_up_labels():
    view = View([], {}, {}, {"1001": 2, "4413": 3, "4900": 4, "3000": 5}, {})
    text = exposition(view).decode()
    assert 'everywire_disconnects_total{code="1001"} 2.0' in text
    assert 'everywire_disconnects_total{code="other"} 9.0' in text
    assert "everywire_slow_closes_total 3.0" in text


def test_the_dashboard_asks_for_metrics_that_exist(families):
    dashboard = json.loads(DASHBOARD.read_text())
    asked = " ".join(target["expr"] for panel in dashboard["panels"] for target in panel["targets"])
    names = set(re.findall(r"everywire_\w+", asked))
    assert len(names) > 15
    assert names <= {sample for family in families.values() for sample in samples(family)}
    variables = {f"${variable['name']}" for variable in dashboard["templating"]["list"]}
    assert set(re.findall(r"\$\w+", asked)) <= variables | {"$__rate_interval"}


def test_the_documentation_lists_every_metric(families):
    rows = [line for line in OPERATIONS.read_text().splitlines() if line.startswith("| `everywire_")]
    told = {name for row in rows for name in re.findall(r"`(everywire_\w+)[`{]", row.split("|")[1])}
    assert told == {sample for family in families.values() for sample in samples(family, parts=False)}


def samples(family, *, parts=True):
    """Give the names that a family is asked for by."""
    match family.type:
        case "counter":
            return {f"{family.name}_total"}
        case "histogram" if parts:
            return {f"{family.name}_{part}" for part in ("bucket", "sum", "count")}
    return {sample.name for sample in family.samples} or {family.name} if parts else {family.name}
