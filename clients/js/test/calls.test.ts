/** Calls: their ends, streams both ways, and the server's calls to us. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { EverywireError } from "../src/index.ts";
import { send, stream } from "../src/streams.ts";
import { FakeWorld, settled } from "./fakes.ts";

test("a timeout is told to the server, and kept here", async () => {
  const world = new FakeWorld();
  const done = world.connected().call("slow", 1, { timeout: 500 });
  const { id, timeout } = world.socket.take("call");
  world.advance(500);
  await assert.rejects(done, { code: "timeout" });
  assert.equal(timeout, 500);
  assert.deepEqual(world.socket.take("cancel"), { type: "cancel", id });
});

test("a signal cancels, before and after it was said", async () => {
  const world = new FakeWorld();
  const client = world.connected();
  const abort = new AbortController();
  const done = client.call("slow", 1, { signal: abort.signal });
  const { id } = world.socket.take("call");
  abort.abort();
  await assert.rejects(done, { code: "aborted" });
  assert.equal(world.socket.take("cancel").id, id);
  await assert.rejects(client.call("slow", 1, { signal: abort.signal }), { code: "aborted" });
  assert.deepEqual(world.socket.sent, []);
  world.socket.say({ type: "result", id, data: "late" });
});

test("an error has the application's data", async () => {
  const world = new FakeWorld();
  const done = world.connected().call("f");
  world.socket.say({ type: "error", id: world.socket.take("call").id, code: 1000, reason: "no", temporary: false, data: { field: "x" } });
  await assert.rejects(done, { code: 1000, data: { field: "x" } });
});

test("a stream from the server is given credit as it is read", async () => {
  const world = new FakeWorld();
  const items = stream<number>(world.connected(), "count", { to: 5 }, { credit: 4 });
  const { id, credit, name, data } = world.socket.take("call");
  assert.deepEqual([name, data, credit], ["count", { to: 5 }, 4]);
  for (const data of [1, 2, 3, 4]) world.socket.say({ type: "item", id, data });
  assert.deepEqual(world.socket.sent, []);
  assert.deepEqual([(await items.next()).value, (await items.next()).value], [1, 2]);
  assert.deepEqual(world.socket.take("credit"), { type: "credit", id, count: 2 });
  world.socket.say({ type: "item", id, data: 5 });
  world.socket.say({ type: "end", id });
  const rest: number[] = [];
  for await (const item of items) rest.push(item);
  assert.deepEqual(rest, [3, 4, 5]);
});

test("who waits for an item is given it at once; an error ends the stream after its items", async () => {
  const world = new FakeWorld();
  const items = stream(world.connected(), "f");
  const { id } = world.socket.take("call");
  const waiting = items.next();
  world.socket.say({ type: "item", id, data: "x" });
  assert.deepEqual(await waiting, { done: false, value: "x" });
  world.socket.say({ type: "item", id, data: "y" });
  world.socket.say({ type: "error", id, code: 113, reason: "timed out", temporary: false });
  await settled();
  assert.equal((await items.next()).value, "y");
  await assert.rejects(items.next(), { code: 113 });
  assert.equal((await items.next()).done, true);
});

test("leaving the loop cancels the call, and what comes later goes nowhere", async () => {
  const world = new FakeWorld();
  const items = stream(world.connected(), "f");
  const { id } = world.socket.take("call");
  world.socket.say({ type: "item", id, data: 1 });
  for await (const _ of items) break;
  assert.deepEqual(world.socket.take("cancel"), { type: "cancel", id });
  world.socket.say({ type: "item", id, data: 2 });
  assert.equal((await items.next()).done, true);
});

test("a signal and a lost connection end a stream with an error", async () => {
  const world = new FakeWorld();
  const client = world.connected();
  const abort = new AbortController();
  const cancelled = stream(client, "f", 1, { signal: abort.signal });
  world.socket.take("call");
  abort.abort();
  await assert.rejects(cancelled.next(), { code: "aborted" });
  const lost = stream(client, "f");
  world.socket.drop();
  await assert.rejects(lost.next(), { code: "connection-lost" });
});

test("long streams hold up nobody", () => {
  const world = new FakeWorld();
  const client = world.connected();
  for (let n = 0; n < 70; n += 1) stream(client, "f");
  client.call("g").catch(() => undefined);
  assert.equal(world.socket.sent.at(-1).name, "g");
});

test("a stream to the server goes no faster than its credit", async () => {
  const world = new FakeWorld();
  const done = send(world.connected(), "sum", Array.from({ length: 20 }, (_, n) => n), "start");
  const { id, streaming, data } = world.socket.take("call");
  assert.deepEqual([streaming, data], [true, "start"]);
  await settled();
  assert.equal(world.socket.sent.length, 16);
  world.socket.say({ type: "credit", id, count: 10 });
  await settled();
  assert.deepEqual(world.socket.sent.map(({ type, data }) => data ?? type), [...Array.from({ length: 20 }, (_, n) => n), "end"]);
  world.socket.say({ type: "result", id, data: 190 });
  assert.equal(await done, 190);
});

test("a source of items that fails cancels the call and says why", async () => {
  const world = new FakeWorld();
  const source = async function* () {
    yield 1;
    throw new Error("mine");
  };
  const done = send(world.connected(), "sum", source());
  await assert.rejects(done, { message: "mine" });
  assert.deepEqual(world.socket.sent.map(({ type }) => type), ["call", "item", "cancel"]);
});

test("an answer before the end stops the source", async () => {
  const world = new FakeWorld();
  let closed = false;
  const source = async function* () {
    try {
      for (let n = 0; ; n += 1) yield n;
    } finally {
      closed = true;
    }
  };
  const done = send(world.connected(), "first", source());
  await settled();
  world.socket.say({ type: "result", id: world.socket.take("call").id, data: "enough" });
  assert.equal(await done, "enough");
  await settled();
  assert.equal(closed, true);
});

test("streams both ways at once", async () => {
  const world = new FakeWorld();
  const items = stream(world.connected(), "echo", undefined, { items: ["a"] });
  const { id, credit, streaming } = world.socket.take("call");
  assert.deepEqual([credit, streaming], [16, true]);
  await settled();
  assert.deepEqual(world.socket.sent.map(({ type }) => type), ["item", "end"]);
  world.socket.say({ type: "item", id, data: "A" });
  world.socket.say({ type: "end", id });
  const heard: unknown[] = [];
  for await (const item of items) heard.push(item);
  assert.deepEqual(heard, ["A"]);
});

test("the server's calls are answered", async (context) => {
  context.mock.method(console, "error", () => undefined);
  const world = new FakeWorld();
  const client = world.connected();
  const stop = client.handle("add", ([a, b]: [number, number]) => a + b);
  client.handle("nothing", () => undefined);
  client.handle("no", () => Promise.reject(new EverywireError(403, "not you")));
  client.handle("broken", () => {
    throw new Error("secret");
  });
  assert.throws(() => client.handle("add", () => 0), /already/);
  const names = ["add", "nothing", "no", "broken", "what"];
  names.forEach((name, n) => world.socket.say({ type: "call", call: n + 1, name, data: [1, 2], timeout: 1000 }));
  await settled();
  assert.deepEqual(world.socket.sent.sort((one, other) => one.call - other.call), [
    { type: "answer", call: 1, data: 3 },
    { type: "answer", call: 2, data: null },
    { type: "answer", call: 3, error: { code: 403, reason: "not you" } },
    { type: "answer", call: 4, error: { code: 100, reason: "internal error" } },
    { type: "answer", call: 5, error: { code: 109, reason: "unknown name: what" } },
  ]);
  stop();
  client.handle("add", () => 0);
});

test("a handler hears that nobody waits, and its answer is not said", async () => {
  const world = new FakeWorld();
  const client = world.connected();
  const ends: string[] = [];
  client.handle("slow", (name: string, { signal }) => new Promise((resolve) => signal.addEventListener("abort", () => resolve(ends.push(name)))));
  world.socket.say({ type: "call", call: 1, name: "slow", data: "cancelled" });
  world.socket.say({ type: "call", call: 2, name: "slow", data: "lost" });
  world.socket.say({ type: "cancel", call: 1 });
  await settled();
  const { socket } = world;
  world.reconnect();
  await settled();
  assert.deepEqual([ends, socket.sent, world.socket.sent], [["cancelled", "lost"], [], []]);
});
