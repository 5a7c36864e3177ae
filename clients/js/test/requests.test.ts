/** Publications and other commands: order, keys, repetition after a lost link, bounds, timeouts. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { FakeWorld } from "./fakes.ts";

test("a publication resolves with its position", async () => {
  const world = new FakeWorld();
  const done = world.connected().subscribe("a").publish({ text: "hi" });
  const { id, key, ...rest } = world.socket.take("publish");
  assert.deepEqual(rest, { type: "publish", channel: "a", data: { text: "hi" } });
  assert.ok(key.length >= 16 && key.length <= 128);
  world.socket.say({ type: "published", id, channel: "a", epoch: "e", offset: 7 });
  assert.deepEqual(await done, { epoch: "e", offset: 7 });
});

test("publications made offline are kept in order and follow the subscriptions", () => {
  const world = new FakeWorld();
  const client = world.connected();
  client.subscribe("a");
  world.socket.drop();
  const done = [1, 2, 3].map((data) => client.publish("a", data));
  for (const promise of done) promise.catch(() => undefined);
  world.advance(250);
  world.welcome();
  assert.deepEqual(world.socket.sent.map(({ type, data }) => data ?? type), ["subscribe", 1, 2, 3]);
});

test("what was not confirmed is said again under the same key, the confirmed is not", async () => {
  const world = new FakeWorld();
  const client = world.connected();
  const done = [1, 2, 3].map((data) => client.publish("a", data));
  const sent = [1, 2, 3].map(() => world.socket.take("publish"));
  assert.equal(new Set(sent.map(({ key }) => key)).size, 3);
  world.socket.say({ type: "published", id: sent[0].id, channel: "a", epoch: "e", offset: 1 });
  world.reconnect();
  assert.deepEqual(world.socket.sent.map(({ data, key }) => [data, key]), sent.slice(1).map(({ data, key }) => [data, key]));
  for (const { id, data } of world.socket.sent) world.socket.say({ type: "published", id, channel: "a", epoch: "e", offset: data });
  assert.deepEqual((await Promise.all(done)).map((position) => position?.offset), [1, 2, 3]);
  assert.equal(client.queued, 0);
});

test("keys differ between clients", () => {
  const keys = [1, 2].map(() => {
    const world = new FakeWorld();
    void world.connected().publish("a", 1);
    return world.socket.take("publish").key;
  });
  assert.notEqual(keys[0], keys[1]);
});

test("what is said at the first word of a new connection comes after what waited", () => {
  const world = new FakeWorld();
  const client = world.connected();
  world.socket.drop();
  void client.publish("a", "waited");
  client.on("state", ({ state }) => state === "connected" && void client.publish("a", "new"));
  world.advance(250);
  world.welcome();
  assert.deepEqual(world.socket.sent.map(({ data }) => data), ["waited", "new"]);
});

test("data is what it was when it was published", () => {
  const world = new FakeWorld();
  const client = world.connected();
  const data = { n: 1 };
  void client.publish("a", data);
  data.n = 2;
  world.reconnect();
  assert.deepEqual(world.socket.take("publish").data, { n: 1 });
});

test("an application's own key is used", () => {
  const world = new FakeWorld();
  void world.connected().publish("a", 1, { key: "mine" });
  assert.equal(world.socket.take("publish").key, "mine");
});

test("a refused publication rejects", async () => {
  const world = new FakeWorld();
  const done = world.connected().publish("a", 1);
  world.socket.say({ type: "error", id: world.socket.take("publish").id, code: 108, reason: "limit exceeded", temporary: true });
  await assert.rejects(done, { name: "EverywireError", code: 108, message: "limit exceeded", temporary: true });
});

test("ephemeral publications are not kept: not for later, not for again", async () => {
  const world = new FakeWorld();
  const client = world.connected();
  const done = client.publish("a", "typing", { ephemeral: true });
  const { id, ...rest } = world.socket.take("publish");
  assert.deepEqual(rest, { type: "publish", channel: "a", data: "typing", ephemeral: true });
  world.socket.say({ type: "published", id, channel: "a" });
  assert.equal(await done, null);
  const lost = client.publish("a", "typing", { ephemeral: true });
  world.socket.drop();
  await assert.rejects(lost, { code: "connection-lost" });
  await assert.rejects(client.publish("a", "typing", { ephemeral: true }), { code: "not-connected" });
  world.advance(250);
  world.welcome();
  assert.deepEqual(world.socket.sent, []);
});

test("an ephemeral publication that was not sent yet does not wait for another link", async () => {
  const world = new FakeWorld();
  const client = world.connected();
  for (let n = 0; n < 64; n += 1) void client.publish("a", n); // as many as may be unanswered
  const typing = client.publish("a", "typing", { ephemeral: true });
  world.reconnect();
  await assert.rejects(typing, { code: "connection-lost" });
  assert.ok(world.socket.sent.every(({ ephemeral }) => !ephemeral));
  assert.equal(client.queued, 64);
});

test("the queue is bounded, and says so", async () => {
  const world = new FakeWorld();
  const client = world.connected({ maxQueue: 2 });
  void client.publish("a", 1);
  void client.publish("a", 2);
  await assert.rejects(client.publish("a", 3), { code: "queue-full", temporary: true });
  world.socket.say({ type: "published", id: world.socket.take("publish").id, channel: "a" });
  void client.publish("a", 4);
  assert.equal(client.queued, 2);
});

test("no more is said at once than a server takes", async () => {
  const world = new FakeWorld();
  const client = world.connected();
  for (let n = 0; n < 100; n += 1) client.publish("a", n).catch(() => undefined);
  assert.equal(world.socket.sent.length, 64);
  const first = world.socket.take("publish");
  world.socket.say({ type: "published", id: first.id, channel: "a" });
  assert.deepEqual(world.socket.sent.at(-1).data, 64);
  world.socket.say({ type: "error", id: world.socket.take("publish").id, code: 100, reason: "internal error", temporary: true });
  assert.deepEqual(world.socket.sent.at(-1).data, 65);
});

test("what cannot be said in JSON rejects and takes no place", async () => {
  const client = new FakeWorld().connected();
  const circle: { self?: unknown } = {};
  circle.self = circle;
  await assert.rejects(client.publish("a", circle), TypeError);
  assert.equal(client.queued, 0);
});

test("a message that was too big for the server is not said again", async () => {
  const world = new FakeWorld();
  const client = world.connected();
  const done = client.publish("a", "x");
  world.socket.drop(1009, "message too big");
  await assert.rejects(done, { code: 1009 });
  assert.equal(client.state, "waiting");
});

test("a call resolves with its result", async () => {
  const world = new FakeWorld();
  const done = world.connected().call("add", [1, 2]);
  const { id, ...rest } = world.socket.take("call");
  assert.deepEqual(rest, { type: "call", name: "add", data: [1, 2] });
  world.socket.say({ type: "result", id, data: 3 });
  assert.equal(await done, 3);
});

test("a call is never said twice, one that waited is said once", async () => {
  const world = new FakeWorld();
  const client = world.connected();
  const sent = client.call("pay");
  world.socket.drop();
  const waiting = client.call("later");
  await assert.rejects(sent, { code: "connection-lost" });
  world.advance(250);
  world.welcome();
  assert.deepEqual(world.socket.sent.map(({ name }) => name), ["later"]);
  world.socket.say({ type: "result", id: world.socket.take("call").id, data: "ok" });
  assert.equal(await waiting, "ok");
});

test("calls, history and presence do not wait for ever", async () => {
  const world = new FakeWorld();
  const client = world.connected({ answerTimeout: 2000 });
  const subscription = client.subscribe("a");
  const all = [client.call("x"), subscription.history(), subscription.presence()];
  const publication = client.publish("a", 1);
  world.advance(2000);
  for (const promise of all) await assert.rejects(promise, { code: "timeout" });
  assert.equal(client.queued, 1);
  client.close();
  await assert.rejects(publication, { code: "closed" });
});

test("history and presence are asked again after a lost link", async () => {
  const world = new FakeWorld();
  const subscription = world.connected().subscribe("a");
  world.socket.subscribed("a");
  const history = subscription.history({ limit: 5, reverse: true });
  const presence = subscription.presence();
  world.socket.drop();
  world.advance(250);
  world.welcome();
  const { id, ...rest } = world.socket.take("history");
  assert.deepEqual(rest, { type: "history", channel: "a", limit: 5, reverse: true });
  world.socket.say({ type: "history", id, channel: "a", epoch: "e", offset: 1, publications: [{ offset: 1, data: "x", time: 1 }] });
  world.socket.say({ type: "presence", id: world.socket.take("presence").id, channel: "a", members: [{ session: "s", user: null }] });
  assert.deepEqual(await history, { epoch: "e", offset: 1, publications: [{ offset: 1, data: "x", time: 1 }] });
  assert.deepEqual(await presence, [{ session: "s", user: null }]);
});

test("answers to nothing are ignored", () => {
  const world = new FakeWorld();
  const client = world.connected();
  world.socket.say({ type: "result", id: 99, data: 1 });
  world.socket.say({ type: "subscribed", id: 98, channel: "a", epoch: "e", offset: 0, recovered: false, publications: [] });
  world.socket.say({ type: "error", id: 97, code: 100, reason: "internal error", temporary: true });
  world.socket.say({ type: "something of a later version" });
  assert.equal(client.state, "connected");
});
