/** The session: newer tokens in time, the offline queue's bounds, and a page that is loaded again. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { EverywireError, type Memory } from "../src/index.ts";
import { FakeWorld, settled, WELCOME } from "./fakes.ts";

async function connected(world: FakeWorld, token: () => string | Promise<string>, expires: number) {
  const client = world.client({ token });
  void client.connect();
  await settled();
  world.welcome({ expires });
  return client;
}

test("a token is refreshed before it expires, and again", async () => {
  const world = new FakeWorld();
  let asked = 0;
  await connected(world, () => `token ${++asked}`, 40_000);
  await world.pass(29_999);
  assert.equal(asked, 1);
  await world.pass(1);
  const { id, token } = world.socket.take("refresh");
  assert.equal(token, "token 2");
  world.socket.say({ type: "refreshed", id, expires: 80_000 });
  await world.pass(60_000);
  assert.equal(world.socket.take("refresh").token, "token 3");
});

test("what fails for now is tried again before the token expires", async () => {
  const world = new FakeWorld();
  const tokens = [() => "one", () => Promise.reject(new Error("offline")), () => "three", () => "four"];
  await connected(world, () => (tokens.shift() as () => string)(), 40_000);
  await world.pass(31_000);
  const { id, token } = world.socket.take("refresh");
  assert.equal(token, "three");
  world.socket.say({ type: "error", id, code: 100, reason: "internal error", temporary: true });
  await world.pass(2_000);
  assert.equal(world.socket.take("refresh").token, "four");
});

test("a token that is refused for good is left to the server's close; a function that gives up ends the client", async () => {
  const world = new FakeWorld();
  let refuse = false;
  const token = () => (refuse ? Promise.reject(new EverywireError(101, "signed out")) : "t");
  const client = await connected(world, token, 4_000);
  await world.pass(3_000);
  world.socket.say({ type: "error", id: world.socket.take("refresh").id, code: 101, reason: "unauthorized", temporary: false });
  assert.equal(client.state, "connected");
  world.socket.drop(4402, "expired");
  assert.equal(client.state, "waiting");
  await world.pass(1_000);
  world.welcome({ expires: 4_000 });
  refuse = true;
  await world.pass(3_000);
  assert.equal(client.state, "closed");
});

test("who has one token alone is not let in with it twice", () => {
  const world = new FakeWorld();
  const client = world.connected({ token: "old" });
  world.advance(100_000);
  assert.deepEqual(world.socket.sent, []);
  world.socket.drop(4402, "expired");
  assert.equal(client.state, "closed");
});

test("nothing is refreshed on a link that is gone", async () => {
  const world = new FakeWorld();
  let asked = 0;
  await connected(world, () => `token ${++asked}`, 40_000);
  world.socket.drop();
  await world.pass(20_000);
  const before = asked;
  world.socket.drop();
  assert.ok(before > 1);
  assert.ok(!world.sockets.some((socket) => socket.sent.some(({ type }) => type === "refresh")));
});

test("with drop_oldest the oldest unsent publication makes room", async () => {
  const world = new FakeWorld();
  const counts: number[] = [];
  const client = world.client({ maxQueue: 2, overflow: "drop_oldest" });
  client.on("queued", (count) => counts.push(count));
  void client.connect();
  const call = client.call("f");
  const first = client.publish("a", 1);
  const second = client.publish("a", 2);
  await assert.rejects(first, { code: "queue-full" });
  world.welcome();
  assert.deepEqual(world.socket.sent.map(({ type, data }) => data ?? type), ["call", 2]);
  await assert.rejects(client.publish("a", 3), { code: "queue-full" }); // what was sent is not dropped
  assert.deepEqual(counts, [1, 2, 1, 2]);
  client.close();
  await assert.rejects(call, { code: "closed" });
  await assert.rejects(second, { code: "closed" });
});

function page() {
  const world = new FakeWorld();
  let hide = () => undefined as void;
  let show = () => undefined as void;
  const onHide = (hidden: () => void, shown: () => void) => {
    [hide, show] = [hidden, shown];
    return () => undefined;
  };
  return { world, environment: { ...world.environment, onHide }, hide: () => hide(), show: () => show() };
}

function memory(): Memory & { size(): number } {
  const texts = new Map<string, string>();
  return {
    size: () => texts.size,
    getItem: (name) => texts.get(name) ?? null,
    setItem: (name, text) => void texts.set(name, text),
    removeItem: (name) => void texts.delete(name),
  };
}

test("a page that is loaded again goes on with the session; a tab that is duplicated does not take it", () => {
  const store = memory();
  const before = page();
  before.world.connected({ store, environment: before.environment });
  assert.equal(store.size(), 0); // what a duplicated tab would copy
  before.hide();
  const after = page();
  const client = after.world.client({ store, environment: after.environment });
  void client.connect();
  after.world.socket.open();
  const { id, resume } = after.world.socket.take("connect");
  assert.equal(resume, "secret");
  after.world.socket.say({ ...WELCOME, id, resumed: true });
  assert.equal(store.size(), 0);
});

test("a page that comes back as it was keeps its session to itself", () => {
  const store = memory();
  const { world, environment, hide, show } = page();
  world.connected({ store, environment });
  hide();
  show();
  assert.equal(store.size(), 0);
});

test("after a goodbye nothing is left to resume, and a store that fails harms nobody", () => {
  const store = memory();
  const { world, environment, hide } = page();
  const client = world.connected({ store, environment });
  client.close();
  hide();
  assert.equal(store.size(), 0);
  const broken = { getItem: fail, setItem: fail, removeItem: fail };
  const other = page();
  assert.equal(other.world.connected({ store: broken, memory: broken, environment: other.environment }).state, "connected");
  other.hide();
});

function fail(): never {
  throw new Error("forbidden here");
}
