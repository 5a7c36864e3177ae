/** Keyed channels, policies, deltas, wildcards, and what the server subscribes us to. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { applied, deltas } from "../src/deltas.ts";
import type { SubscribeOptions, Subscription } from "../src/index.ts";
import contract from "../../../tests/contracts/deltas.json";
import { FakeWorld } from "./fakes.ts";

const entry = (name: string, offset: number, data: unknown = offset, fields: object = {}) => ({ entry: name, offset, data, time: 1, ...fields });
const map = ({ entries }: Subscription) => Object.fromEntries([...entries].map(([name, { data }]) => [name, data]));

function follow(world: FakeWorld, options = {}) {
  const subscription = world.connected().subscribe("k", options);
  const said: unknown[] = [];
  subscription.on("publication", ({ offset, data }) => said.push([offset, data]));
  subscription.on("changed", ({ entry }) => said.push(entry ?? "all"));
  subscription.on("lost", () => said.push("lost"));
  subscription.on("passed", ({ count }) => said.push(`passed ${count}`));
  return { subscription, said };
}

test("the map is what the server told, then each publication set or removed", () => {
  const world = new FakeWorld();
  const { subscription, said } = follow(world);
  world.socket.subscribed("k", { offset: 7, entries: [entry("a", 3), entry("b", 6)] });
  assert.deepEqual(map(subscription), { a: 3, b: 6 });
  world.socket.say({ type: "publication", channel: "k", ...entry("c", 8) });
  world.socket.say({ type: "publication", channel: "k", ...entry("a", 9, null, { removed: true }) });
  assert.deepEqual(map(subscription), { b: 6, c: 8 });
  assert.deepEqual(said, ["all", [8, 8], "c", [9, null], "a"]);
  assert.deepEqual(subscription.position, { epoch: "e", offset: 9 });
});

test("after a loss the map is replaced, after a recovery only changed", () => {
  const world = new FakeWorld();
  const { subscription, said } = follow(world);
  world.socket.subscribed("k", { offset: 2, entries: [entry("a", 1), entry("b", 2)] });
  world.reconnect();
  world.socket.subscribed("k", { offset: 9, recovered: true, entries: [entry("a", 5, null, { removed: true }), entry("c", 9)] });
  assert.deepEqual(map(subscription), { b: 2, c: 9 });
  world.reconnect();
  world.socket.subscribed("k", { epoch: "f", offset: 1, entries: [entry("z", 1)] });
  assert.deepEqual(map(subscription), { z: 1 });
  assert.deepEqual(said, ["all", "a", "c", "lost", "all"]);
});

test("a map that comes in pages is asked on for, also over a lost link", () => {
  const world = new FakeWorld();
  const { subscription } = follow(world);
  world.socket.subscribed("k", { offset: 9, entries: [entry("a", 1)], more: "ask", after: 1 });
  const next = world.socket.subscribed("k", { offset: 9, recovered: true, entries: [entry("b", 4)], more: "ask", after: 4 });
  assert.deepEqual([next.since, next.after, subscription.state], [{ epoch: "e", offset: 9 }, 1, "subscribing"]);
  world.reconnect();
  const last = world.socket.subscribed("k", { offset: 12, recovered: true, entries: [entry("c", 9), entry("a", 12, "new")] });
  assert.deepEqual([last.since, last.after], [{ epoch: "e", offset: 9 }, 4]);
  assert.deepEqual(map(subscription), { a: "new", b: 4, c: 9 });
  assert.deepEqual([subscription.state, subscription.position], ["subscribed", { epoch: "e", offset: 12 }]);
  world.reconnect();
  assert.equal(world.socket.take("subscribe").after, undefined);
});

test("entries are set and removed, with compare-and-set and a time to live", async () => {
  const world = new FakeWorld();
  const { subscription } = follow(world);
  const set = subscription.set("a", 1, { expect: 3, ttl: 1500 });
  const { id, key, ...rest } = world.socket.take("publish");
  assert.deepEqual(rest, { type: "publish", channel: "k", data: 1, entry: "a", expect: 3, ttl: 1500 });
  assert.ok(key);
  world.socket.say({ type: "error", id, code: 111, reason: "conflict", temporary: false, data: { offset: 5 } });
  await assert.rejects(set, { code: 111, data: { offset: 5 } });
  void subscription.remove("a");
  const { key: _, id: __, ...removal } = world.socket.take("publish");
  assert.deepEqual(removal, { type: "publish", channel: "k", entry: "a", remove: true });
});

test("entries can be read without following them, in pages", async () => {
  const world = new FakeWorld();
  const read = follow(world).subscription.readEntries();
  const first = world.socket.take("entries");
  world.socket.say({ type: "entries", id: first.id, channel: "k", epoch: "e", offset: 9, recovered: false, entries: [entry("a", 1), entry("b", 2)], more: true, after: 2 });
  await Promise.resolve();
  await new Promise((resolve) => setImmediate(resolve));
  const { id, since, after } = world.socket.take("entries");
  assert.deepEqual([since, after], [{ epoch: "e", offset: 9 }, 2]);
  world.socket.say({ type: "entries", id, channel: "k", epoch: "e", offset: 10, recovered: true, entries: [entry("a", 10, null, { removed: true })] });
  const { entries, offset } = await read;
  assert.deepEqual([[...entries.keys()], offset], [["b"], 10]);
});

test("a policy is asked for, changed, and kept as the server bounds it", async () => {
  const world = new FakeWorld();
  const { subscription, said } = follow(world, { policy: { kind: "latest", interval: 100 } });
  assert.deepEqual(world.socket.subscribed("k", { offset: 4 }).policy, { kind: "latest", interval: 100 });
  const set = subscription.setPolicy({ kind: "sample", interval: 1 });
  const { id, ...rest } = world.socket.take("policy");
  assert.deepEqual(rest, { type: "policy", channel: "k", policy: { kind: "sample", interval: 1 } });
  world.socket.say({ type: "policy", id, channel: "k", policy: { kind: "sample", interval: 50, size: 0 } });
  assert.equal((await set).interval, 50);
  world.socket.say({ type: "passed", channel: "k", epoch: "e", offset: 6, count: 2 });
  world.socket.publication("k", 7, "x");
  world.reconnect();
  const { policy, since } = world.socket.take("subscribe");
  assert.deepEqual([policy.interval, since.offset, said], [50, 7, ["passed 2", [7, "x"]]]);
});

test("what was passed moves the position, unless something before it is missing", () => {
  const world = new FakeWorld();
  const { subscription } = follow(world);
  world.socket.subscribed("k", { offset: 4 });
  world.socket.say({ type: "passed", channel: "k", epoch: "e", offset: 4, count: 1 });
  assert.equal(subscription.position?.offset, 4);
  world.socket.say({ type: "passed", channel: "k", epoch: "e", offset: 9, count: 2 });
  assert.deepEqual(world.socket.take("subscribe").since, { epoch: "e", offset: 4 });
});

test("rewinding to a time", () => {
  const world = new FakeWorld();
  follow(world, { rewindFrom: new Date(5000) });
  assert.equal(world.socket.take("subscribe").rewind_from, 5000);
});

test("deltas become whole data, which the application may change", () => {
  const world = new FakeWorld();
  const { subscription, said } = follow(world, { delta: deltas });
  subscription.on("publication", ({ data }) => ((data as { n: number }).n = -1));
  assert.equal(world.socket.subscribed("k", { offset: 0 }).delta, true);
  world.socket.publication("k", 1, { n: 1, list: [1, 2] });
  world.socket.say({ type: "publication", channel: "k", offset: 2, base: 1, delta: { set: { n: 2 }, in: { list: { set: { "2": 3 } } } }, time: 1 });
  world.socket.say({ type: "publication", channel: "k", offset: 3, base: 2, delta: { drop: ["list"], set: { m: 1 } }, time: 1 });
  assert.deepEqual(said, [[1, { n: -1, list: [1, 2] }], [2, { n: -1, list: [1, 2, 3] }], [3, { n: -1, m: 1 }]]);
  world.socket.say({ type: "publication", channel: "k", offset: 4, base: 1, delta: { set: { n: 9 } }, time: 1 });
  assert.equal(world.socket.take("subscribe").since.offset, 3);
});

test("in a keyed channel a delta is about the entry", () => {
  const world = new FakeWorld();
  const { subscription } = follow(world, { delta: deltas });
  world.socket.subscribed("k", { offset: 5, entries: [entry("a", 2, { x: 1 }), entry("b", 5, { x: 2 })] });
  world.socket.say({ type: "publication", channel: "k", offset: 6, entry: "a", base: 2, delta: { set: { y: 1 } }, time: 1 });
  assert.deepEqual(map(subscription), { a: { x: 1, y: 1 }, b: { x: 2 } });
});

for (const { name, base, delta, data } of contract.deltas as { name: string; base: unknown; delta: object; data: unknown }[]) {
  test(`a delta: ${name}`, () => {
    const before = structuredClone(base);
    assert.deepEqual(applied(base, delta), data);
    assert.deepEqual(base, before);
  });
}

test("a delta of what is no object or array does not fit", () => {
  for (const base of [1, "x", null]) assert.throws(() => applied(base, { set: { a: 1 } }));
});

test("a subscription with wildcards hears what matches, and has no position", () => {
  const world = new FakeWorld();
  const client = world.connected();
  const heard: string[] = [];
  const pattern = client.subscribe("score:*", { onPublication: ({ channel, data }) => heard.push(`* ${channel} ${data}`) });
  client.subscribe("score:>", { onPublication: ({ channel }) => heard.push(`> ${channel}`) });
  for (const channel of ["score:*", "score:>"]) {
    const { id } = world.socket.take("subscribe");
    world.socket.say({ type: "subscribed", id, channel, recovered: false, publications: [] });
  }
  for (const channel of ["score:ann", "score.ann", "score:ann:2", "scores:ann"]) world.socket.publication(channel, 7, 1);
  world.socket.publication("score:ann", 9, 2); // no gap: it was never contiguous
  assert.deepEqual(heard, ["* score:ann 1", "> score:ann", "> score:ann:2", "* score:ann 2", "> score:ann"]);
  assert.equal(pattern.position, null);
  world.reconnect();
  assert.equal(world.socket.take("subscribe").since, undefined);
});

test("a channel that is heard by several subscriptions is told to each of them once", () => {
  const world = new FakeWorld();
  const client = world.connected();
  const heard: string[] = [];
  for (const channel of ["score:ann", "score:*"]) client.subscribe(channel, { onPublication: ({ offset }) => heard.push(`${channel} ${offset}`) });
  world.socket.subscribed("score:ann");
  const { id } = world.socket.take("subscribe");
  world.socket.say({ type: "subscribed", id, channel: "score:*", recovered: false, publications: [] });
  for (const offset of [1, 1, 2, 2]) world.socket.publication("score:ann", offset, 1); // the server tells it for each
  assert.deepEqual(heard, ["score:ann 1", "score:* 1", "score:ann 2", "score:* 2"]);
});

/** A channel's own subscription and one by wildcards, the latter answered. */
function twice(world: FakeWorld, options: SubscribeOptions<unknown> = {}): { own: unknown[]; every: unknown[] } {
  const client = world.connected();
  const own: unknown[] = [];
  const every: unknown[] = [];
  client.subscribe("score:*", { onPublication: ({ data }) => every.push(data) });
  const { id } = world.socket.take("subscribe");
  world.socket.say({ type: "subscribed", id, channel: "score:*", recovered: false, publications: [] });
  client.subscribe("score:ann", { ...options, onPublication: ({ data }) => own.push(data) });
  return { own, every };
}

test("a delta is for the channel's own subscription, and wildcards hear it whole", () => {
  const world = new FakeWorld();
  const { own, every } = twice(world, { delta: deltas });
  world.socket.subscribed("score:ann");
  world.socket.publication("score:ann", 1, { n: 1 });
  for (const offset of [2, 3]) {
    world.socket.say({ type: "publication", channel: "score:ann", offset, base: offset - 1, delta: { set: { n: offset } }, time: 1 });
    world.socket.publication("score:ann", offset, { n: offset }); // as the server says it by wildcards
  }
  assert.deepEqual([own, every], [[{ n: 1 }, { n: 2 }, { n: 3 }], [{ n: 1 }, { n: 2 }, { n: 3 }]]);
  assert.throws(() => world.socket.take("subscribe")); // nothing was missing
});

test("what wildcards have heard is known when the channel's own subscription is told it later", () => {
  const world = new FakeWorld();
  const { own, every } = twice(world);
  for (const offset of [5, 6, 7]) world.socket.publication("score:ann", offset, offset); // while the answer is on its way
  world.socket.subscribed("score:ann", { offset: 4 });
  for (const offset of [5, 6, 7, 8]) world.socket.publication("score:ann", offset, offset);
  assert.deepEqual([own, every], [[5, 6, 7, 8], [5, 6, 7, 8]]);
  world.socket.say({ type: "publication", channel: "score:ann", offset: 5, data: "a new log", time: 2 });
  assert.equal(every.at(-1), "a new log");
});

test("the server subscribes us: the application is told, and the next link goes on from there", () => {
  const world = new FakeWorld();
  const client = world.connected();
  const heard: unknown[] = [];
  client.on("subscription", (subscription) => {
    heard.push(subscription.channel);
    subscription.on("publication", ({ data }) => heard.push(data));
  });
  const subscribed = { type: "subscribed", channel: "me", epoch: "e", recovered: false, publications: [] };
  world.socket.say({ ...subscribed, offset: 3 });
  world.socket.publication("me", 4, "hello");
  world.reconnect({ resumed: true, channels: ["me"] });
  world.socket.say({ ...subscribed, offset: 6 }); // our own question is under way, and its answer says more
  world.socket.subscribed("me", { offset: 6, recovered: true, publications: [{ offset: 5, data: "five", time: 1 }, { offset: 6, data: "six", time: 1 }] });
  assert.deepEqual(heard, ["me", "hello", "five", "six"]);
  world.socket.say({ type: "unsubscribed", channel: "me", reason: "over" });
  assert.equal(client.subscription("me"), undefined);
});

test("some are left out, or alone are told", () => {
  const world = new FakeWorld();
  const client = world.connected();
  void client.publish("a", 1, { exclude: ["s2"] });
  void client.publish("a", 1, { to: { user: "ann" } });
  assert.deepEqual(world.socket.take("publish").exclude, ["s2"]);
  assert.deepEqual(world.socket.take("publish").to, { user: "ann" });
});

test("how many there are, and history from a time", async () => {
  const world = new FakeWorld();
  const { subscription } = follow(world);
  const counted = subscription.count();
  const { id, brief } = world.socket.take("presence");
  assert.equal(brief, true);
  world.socket.say({ type: "presence", id, channel: "k", members: [], sessions: 3, users: 2 });
  assert.deepEqual(await counted, { sessions: 3, users: 2 });
  void subscription.history({ fromTime: 9 });
  assert.equal(world.socket.take("history").from_time, 9);
});
