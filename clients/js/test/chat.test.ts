/** The chat's pure parts: the order of messages, the text in them, the rules for names. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { blocks, isLong } from "../../../examples/chat/page/format.ts";
import { Timeline } from "../../../examples/chat/page/timeline.ts";
import { heard, initials, personName, personOf, roomName } from "../../../examples/chat/page/words.ts";

const ada = { id: "a", name: "Ada" };
const grace = { id: "g", name: "Grace" };
const NOON = new Date(2026, 4, 1, 12).getTime();

function timeline(): Timeline {
  const made = new Timeline();
  made.receive({ id: "1", author: ada, text: "one", time: NOON, offset: 1 });
  made.receive({ id: "2", author: ada, text: "two", time: NOON + 1000, offset: 2 });
  return made;
}

const texts = (made: Timeline) => made.rows().map(({ message }) => `${message.text} ${message.progress}`);

test("our message waits at the end and takes its place when the log has it", () => {
  const made = timeline();
  made.send({ id: "mine", author: grace, text: "mine", time: NOON });
  made.receive({ id: "3", author: ada, text: "three", time: NOON, offset: 3 });
  assert.deepEqual(texts(made), ["one sent", "two sent", "three sent", "mine sending"]);
  made.mark("mine", "sent");
  made.receive({ id: "mine", author: grace, text: "mine", time: NOON, offset: 4 });
  made.receive({ id: "5", author: ada, text: "five", time: NOON, offset: 5 });
  assert.deepEqual(texts(made), ["one sent", "two sent", "three sent", "mine sent", "five sent"]);
});

test("nothing is shown twice", () => {
  const made = timeline();
  assert.equal(made.receive({ id: "2", author: ada, text: "two", time: NOON, offset: 2 }), false);
  assert.equal(made.receive({ id: "2", author: ada, text: "two", time: NOON, offset: 3 }), false);
  assert.deepEqual(texts(made), ["one sent", "two sent"]);
});

test("what failed can be withdrawn, and a lost log keeps what was not confirmed", () => {
  const made = timeline();
  made.send({ id: "mine", author: grace, text: "mine", time: NOON });
  made.mark("mine", "failed");
  made.forget();
  assert.deepEqual(texts(made), ["mine failed"]);
  assert.equal(made.withdraw("mine")?.text, "mine");
  assert.deepEqual(texts(made), []);
  made.receive({ id: "new", author: ada, text: "new log", time: NOON, offset: 1 });
  assert.deepEqual(texts(made), ["new log sent"]);
});

test("runs end with another author, a pause, another day", () => {
  const made = timeline();
  made.receive({ id: "3", author: grace, text: "three", time: NOON + 2000, offset: 3 });
  made.receive({ id: "4", author: grace, text: "four", time: NOON + 600_000, offset: 4 });
  made.receive({ id: "5", author: grace, text: "five", time: NOON + 86_400_000, offset: 5 });
  const shape = made.rows().map(({ newDay, newRun, endOfRun }) => [newDay, newRun, endOfRun].map(Number).join(""));
  assert.deepEqual(shape, ["110", "001", "011", "011", "111"]);
});

test("a timeline is bounded", () => {
  const made = new Timeline();
  for (let n = 1; n <= 600; n += 1) made.receive({ id: String(n), author: ada, text: "x", time: NOON, offset: n });
  assert.equal(made.rows().length, 500);
});

const code = (text: string) => ({ kind: "code" as const, text });
const paragraph = (...parts: [kind: string, text: string][]) => ({ kind: "paragraph", parts: parts.map(([kind, text]) => ({ kind, text })) });

for (const [text, expected] of [
  ["plain", [paragraph(["text", "plain"])]],
  ["a `b` c", [paragraph(["text", "a "], ["code", "b"], ["text", " c"])]],
  ["look:\n```js\nlet a;\n  b\n```\nsee?", [paragraph(["text", "look:"]), code("let a;\n  b"), paragraph(["text", "see?"])]],
  ["```open", [code("open")]],
  ["```a b``` c", [code("a b"), paragraph(["text", " c"])]],
  ["```\nopen", [code("open")]],
  ["see https://a.example/x?y=1. Or", [paragraph(["text", "see "], ["link", "https://a.example/x?y=1"], ["text", ". Or"])]],
  ["(https://a.example/x)", [paragraph(["text", "("], ["link", "https://a.example/x"], ["text", ")"])]],
  ["https://a.example/x_(y)", [paragraph(["link", "https://a.example/x_(y)"])]],
  ["javascript:alert(1)", [paragraph(["text", "javascript:alert(1)"])]],
  ["<img src=x onerror=alert(1)>", [paragraph(["text", "<img src=x onerror=alert(1)>"])]],
  ["", []],
] as const) {
  test(`text becomes blocks: ${JSON.stringify(text)}`, () => {
    assert.deepEqual(blocks(text), expected);
  });
}

test("long is many letters or many lines", () => {
  assert.deepEqual(["x".repeat(1200), "x".repeat(1201), "x\n".repeat(10), "x\n".repeat(20)].map(isLong), [false, true, false, true]);
});

test("rooms have plain names", () => {
  const typed = ["Lobby", "  Tea & cake! ", "Größe", "a/b#c", "***", "x".repeat(40)];
  assert.deepEqual(typed.map(roomName), ["lobby", "tea-cake", "größe", "a-b-c", "", "x".repeat(32)]);
});

test("people have visible names of bounded length", () => {
  assert.deepEqual([" Ada  L. ", "a\u202eb\nc", "\u200b", 7, null, "x".repeat(99)].map(personName), ["Ada L.", "abc", "", "", "", "x".repeat(32)]);
  assert.deepEqual(["Ada Lovelace", "linus", "Grace B. Hopper", ""].map(initials), ["AL", "L", "GH", "?"]);
});

test("whatever a stranger says of himself, a person comes out", () => {
  const member = (info: unknown) => ({ session: "s", user: null, info });
  assert.deepEqual(personOf(member({ id: "i", name: "Ada" })), { id: "i", name: "Ada" });
  for (const info of [undefined, null, 7, "x", [], { id: 7, name: {} }]) assert.deepEqual(personOf(member(info)), { id: "s", name: "Somebody" });
  assert.deepEqual(personOf(member({ id: "i", name: "Ada" }), "Grace"), { id: "i", name: "Ada" });
  assert.deepEqual(personOf({ session: "s", user: "linus" }, "Grace"), { id: "s", name: "Grace" });
  assert.deepEqual(personOf({ session: "s", user: "linus" }), { id: "s", name: "linus" });
  assert.deepEqual(personOf(undefined, "Grace"), { id: "unknown", name: "Grace" });
});

test("what is not understood is nothing", () => {
  const said = (data: unknown) => heard({ data, time: 0 });
  assert.deepEqual(said({ kind: "message", id: "1", text: "x", more: 1 }), { kind: "message", id: "1", text: "x", name: "" });
  assert.deepEqual(said({ kind: "message", id: "1", text: "x", name: " Ada\n" }), { kind: "message", id: "1", text: "x", name: "Ada" });
  assert.deepEqual(said({ kind: "typing", now: true }), { kind: "typing", now: true });
  for (const data of [null, 7, "x", [], {}, { kind: "message", id: 1, text: "x" }, { kind: "message", id: "1" }]) assert.equal(said(data), null);
});
