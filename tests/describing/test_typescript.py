"""The TypeScript module, compiled by the real compiler together with programs that use it well and badly."""

import subprocess

import pytest
from tests.conftest import need
from tests.describing import shop

import testbed
from everywire.app import Everywire
from everywire.describing import describe, typescript

COMPILER = "typescript@5.9.3"
OPTIONS = ("--strict", "--noEmit", "--target", "es2022", "--module", "es2022", "--skipLibCheck", "--pretty", "false")

GOOD = """
import type { Calls, ChannelData, ChannelName, Item, Order, Size } from "./contract";

const size: Size = "big";
const item: Item = { name: "tea", size, price: 1.5, tags: ["a", 1], photo: null, parts: [] };
const order: Calls["order"]["data"] = { customer: { name: "Ada", address: { street: "Nile" } }, items: [item] };
const same: Order = order;
const count: number = 5 satisfies Calls["order"]["result"];
const nothing: Calls["customer"]["data"] = null;
const price: Calls["watch prices"]["item"] = ["tea", 1];
const piece: Calls["upload"]["sends"] = new Uint8Array(1);
const find: Calls["find"]["data"] = { text: "a", address: { street: "b" } };
const odd: Calls["odder"]["result"] = { "a-b": 1, class: { a: 1 } };
const room: ChannelData<"room:kitchen"> = { type: "message", text: "hi", at: "2026-01-01T00:00:00Z" };
const news: ChannelData<"news"> = { type: "notice", urgent: true };
const cells: ChannelData<"cell:1:2"> = [1, 2];
const name: ChannelName = `room:${size}`;
const move: ChannelData<"game:7:white"> = true;
const game: (number: number) => ChannelName = (number) => `game:${number}:black`;
const file: ChannelData<"file:123e4567-e89b-42d3-a456-426614174000"> = "text";
const named: ChannelData<"file:readme"> = 5;
"""

BAD = [
    ('const x: Calls["order"]["result"] = "5";', "not assignable to type 'number'"),
    ('const x: Calls["nothing"] = 1;', "does not exist"),
    ('const x: Calls["find"]["data"] = { text: "a" };', "'address' is missing"),
    ('const x: ChannelData<"news"> = { urgent: 1 };', "not assignable"),
    ('const x: ChannelData<"nowhere"> = 1;', "does not satisfy the constraint"),
    ('const x: ChannelData<"game:seven:white"> = true;', "does not satisfy the constraint"),
    ('const x: ChannelData<"file:readme"> = "text";', "not assignable to type 'number'"),
    ('const x: Size = "huge";', "not assignable"),
]


@pytest.fixture(scope="module")
def compiled(tmp_path_factory):
    """A function that compiles a program beside the module, and gives what the compiler says."""
    node, packages = need(testbed.node), need(lambda: testbed.npm(COMPILER))
    folder = tmp_path_factory.mktemp("contract")
    (folder / "contract.ts").write_text(typescript(describe(shop.app.hooks)))

    def check(*programs: str) -> list[str]:
        files = [folder / f"program{number}.ts" for number in range(len(programs))]
        for file, program in zip(files, programs, strict=True):
            file.write_text(program)
        compiler = packages / "node_modules" / "typescript" / "bin" / "tsc"
        command = [str(node), str(compiler), *OPTIONS, *map(str, files)]
        return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False).stdout.splitlines()

    return check


@pytest.mark.slow
def test_programs_that_keep_to_it_compile_and_others_do_not(compiled):
    head = 'import type { Calls, ChannelData, Size } from "./contract";\n'
    said = compiled(GOOD, *(head + program for program, _ in BAD))
    errors = [line for line in said if not line.startswith(" ")]
    assert [line for line in errors if "program0" in line or "contract.ts" in line] == []
    for number, (program, why) in enumerate(BAD, 1):
        found = [line for line in said if f"program{number}.ts" in line]
        assert any(why in line for line in found), program


@pytest.fixture(scope="module")
def text():
    return typescript(describe(shop.app.hooks))


def test_types_have_their_names_and_comments(text):
    assert 'export type Size = "big" | "small";' in text
    assert "/** Where somebody lives. */\nexport interface Address { street: string }" in text
    assert "tags: (string | number)[]" in text or "tags: (number | string)[]" in text
    assert "* It has a * / in its words." in text
    assert "parts?: Item[] | null" in text or "parts?: null | Item[]" in text


def test_calls(text):
    assert '  /** Order things. */\n  "order": { data: Order; result: number };' in text
    assert '"odd": { data: unknown; result: unknown };' in text
    assert '"secretive": { data: null | undefined; result: unknown };' in text
    assert '"watch prices": { data: { names: string[] }; item: [string, number] };' in text
    assert '"chat": { data: null | undefined; sends: Message; item: Message };' in text
    assert '"upload": { data: null | undefined; sends: string | Uint8Array; result: number };' in text


def test_channels(text):
    names = ["`room:${string}`", "`cell:${string}:${string}`", "`game:${number}:${string}`"]
    names += ["`file:${string}-${string}-${string}-${string}-${string}`", "`file:${string}`"]
    assert f'export type ChannelName = "news" | "inbox" | {" | ".join(names)};' in text
    assert "Name extends `cell:${string}:${string}` ? number[] :" in text


def test_an_empty_application():
    assert "export type ChannelName = never;" in typescript(describe(Everywire().hooks))


def test_odd_names_of_channels():
    app = Everywire()
    app.channel("a`${b}\\".replace("${b}", "{b}") + "$")
    assert "`a\\`${string}\\\\\\$`" in typescript(describe(app.hooks))
