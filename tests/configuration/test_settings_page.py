"""docs/settings.md names each setting, with its default."""

import re
from pathlib import Path

import pytest

from everywire.configuration import SECTIONS, Configuration
from everywire.configuration.names import LEAVES, dotted, usual
from everywire.configuration.sources import document
from everywire.configuration.values import converted

PAGE = Path(__file__).resolve().parents[2] / "docs" / "settings.md"
TEXT = PAGE.read_text()
ROWS = re.findall(r"^\| `([a-z0-9_.]+)` \| (.+) \| ?(.*?) ?\|$", TEXT, re.MULTILINE)


def test_each_setting_has_a_row():
    shown = [name for name, _, _ in ROWS]
    assert shown == [dotted(name) for name, leaf in LEAVES.items() if not leaf.only_none]


@pytest.mark.parametrize("section", SECTIONS)
def test_the_default_is_that_of_the_code(section):
    names = {dotted(name): name for name in LEAVES}
    for name, _, default in ROWS:
        if name.startswith(f"{section}."):
            value = usual(section)
            for part in names[name][1:]:
                value = getattr(value, part)
            said = converted(LEAVES[names[name]], default, name)
            assert said == (pytest.approx(value) if isinstance(value, float) else value), name


def test_the_file_that_it_shows_is_one(tmp_path):
    (tmp_path / "everywire.toml").write_text(re.search(r"```toml\n(.*?)```", TEXT, re.DOTALL)[1])
    (tmp_path / "secret").write_text("s" * 16)
    text = (tmp_path / "everywire.toml").read_text().replace("/run/secrets/everywire", "secret")
    (tmp_path / "everywire.toml").write_text(text)
    found = Configuration.found({}, tmp_path)
    assert found.filled("hub", usual("hub")).commands.burst == 2000
    assert document({}, tmp_path).content["run"]["port"] == 9000


@pytest.mark.parametrize(
    ("variables", "text"),
    [({"EVERYWIRE_HUB__LINGR": "5"}, ""), ({}, "[server]\nmax_size = 'big'\n")],
)
def test_the_errors_that_it_shows_are_said(tmp_path, variables, text):
    (tmp_path / "everywire.toml").write_text(text)
    with pytest.raises(ValueError) as caught:
        Configuration.found(variables, tmp_path)
    assert f"Error: {caught.value}\n" in TEXT
