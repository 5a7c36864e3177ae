"""The contracts' command: files where they are asked for, and words that help where it cannot be done."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from everywire.cli import commands

PROGRAM = """
import pydantic
from everywire import Everywire

class Point(pydantic.BaseModel):
    x: int

app = Everywire()
app.channel("points", data=Point)

@app.on("double")
def double(x: int) -> int:
    return 2 * x
"""


@pytest.fixture
def run(tmp_path, monkeypatch):
    """A function that runs the command in a folder with a module of a name that no other test has."""
    monkeypatch.chdir(tmp_path)
    Path("a_shop_of_points.py").write_text(PROGRAM)

    def run(*arguments: str):
        return CliRunner().invoke(commands, ["contracts", *arguments])

    return run


def test_without_a_file_it_prints_the_document(run):
    result = run("a_shop_of_points:app")
    assert result.exit_code == 0
    document = json.loads(result.output)
    assert document["info"] == {"title": "a_shop_of_points:app", "version": "1.0.0"}
    assert "call_double" in document["operations"]


def test_files(run):
    result = run(
        "a_shop_of_points",
        "--asyncapi",
        "out.json",
        "--typescript",
        "out.ts",
        "--title",
        "Points",
        "--api-version",
        "3",
    )
    assert (result.exit_code, result.output) == (0, "")
    assert json.loads(Path("out.json").read_text())["info"] == {"title": "Points", "version": "3"}
    assert '"double": { data: { x: number }; result: number };' in Path("out.ts").read_text()


def test_types_alone(run):
    result = run("a_shop_of_points", "--typescript", "-")
    assert result.output.startswith("// Written by `everywire contracts`")
    assert "export interface Calls" in result.output


def test_what_cannot_be_done_is_said(run):
    result = run("a_shop_of_points", "--asyncapi", "nowhere/out.json")
    assert (result.exit_code, result.output) == (1, "Error: nowhere/out.json: No such file or directory\n")
    assert "there is no module a_shop" in run("a_shop").output
    Path("two_points.py").write_text(
        PROGRAM
        + """
first = Point

@app.on("other")
def other(point: list[pydantic.create_model("Point", y=(int, 1))], first: list[first]): ...
"""
    )
    result = run("two_points")
    assert (result.exit_code, "two different types are called Point" in result.output) == (1, True)
