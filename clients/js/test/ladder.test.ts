/** The ladder of transports: what is in the way, what gets through, and what is remembered of it. */

import assert from "node:assert/strict";
import { test } from "node:test";
import type { ClientOptions, Memory } from "../src/index.ts";
import { FakeLines } from "./fake_lines.ts";
import { FakeWorld, WELCOME } from "./fakes.ts";

function memory(): Memory & { texts: Map<string, string> } {
  const texts = new Map<string, string>();
  return {
    texts,
    getItem: (name) => texts.get(name) ?? null,
    setItem: (name, text) => void texts.set(name, text),
    removeItem: (name) => void texts.delete(name),
  };
}

function made(options: ClientOptions = {}, sockets = true) {
  const world = new FakeWorld();
  const server = new FakeLines(world);
  const kept = memory();
  const client = world.client({ environment: server.environment(sockets), memory: kept, ...options });
  const heard: unknown[] = [];
  const seen: string[] = [];
  client.on("transport", (transport) => seen.push(transport));
  return { world, server, client, heard, seen, kept };
}

const kinds = (server: FakeLines) => server.requests.map((request) => request.split("?")[0]);

test("a WebSocket that opens is all there is", async () => {
  const { world, server, client, seen } = made();
  void client.connect();
  world.welcome();
  await world.pass(100_000);
  assert.deepEqual([client.transport, seen, server.requests, world.sockets.length], ["websocket", ["websocket"], [], 1]);
});

test("a WebSocket that is refused gives way to a stream at once", async () => {
  const { world, server, client, heard } = made();
  client.subscribe("a", { onPublication: ({ data }) => heard.push(data) });
  void client.connect();
  world.socket.drop();
  await world.pass(0);
  assert.deepEqual([client.state, client.transport], ["connected", "stream"]);
  const { id } = server.take("subscribe");
  server.say({ type: "subscribed", id, channel: "a", epoch: "e", offset: 0, recovered: false, publications: [] });
  server.say({ type: "publication", channel: "a", offset: 1, data: "x", time: 1 });
  await world.pass(0);
  assert.deepEqual(heard, ["x"]);
});

test("a WebSocket that never opens is given up after two seconds", async () => {
  const { world, client } = made();
  void client.connect();
  await world.pass(1_999);
  assert.equal(client.state, "connecting");
  await world.pass(1);
  assert.equal(client.state, "connected");
});

test("a WebSocket that opens and brings nothing is given up after four seconds", async () => {
  const { world, client } = made();
  void client.connect();
  await world.pass(1_000);
  world.socket.open();
  await world.pass(3_999);
  assert.equal(client.state, "connecting");
  await world.pass(1);
  assert.deepEqual([client.state, client.transport], ["connected", "stream"]);
});

test("behind a proxy that swallows WebSockets and buffers streams the first message comes within five seconds", async () => {
  const { world, server, client, heard, kept } = made();
  server.fates = { stream: "buffered", sse: "buffered" };
  client.subscribe("a", { onPublication: ({ data }) => heard.push(data) });
  void client.connect();
  await world.pass(4_500);
  assert.deepEqual([client.state, client.transport], ["connected", "poll"]);
  const { id } = server.take("subscribe");
  server.say({ type: "subscribed", id, channel: "a", epoch: "e", offset: 1, recovered: false, publications: [{ offset: 1, data: "x", time: 1 }] });
  await world.pass(0);
  assert.deepEqual(heard, ["x"]);
  assert.match([...kept.texts.values()][0] as string, /^poll /);
});

test("where streams are refused, server-sent events are tried, then polls", async () => {
  const { world, server, client } = made({}, false);
  server.fates = { stream: 502 };
  void client.connect();
  await world.pass(0);
  assert.equal(client.transport, "sse");
  const other = made({}, false);
  other.server.fates = { stream: 502, sse: 502 };
  void other.client.connect();
  await other.world.pass(0);
  assert.equal(other.client.transport, "poll");
});

test("long polls that are cut give way to short ones", async () => {
  const { world, server, client, heard } = made({ transports: ["poll", "interval"] }, false);
  void client.connect();
  await world.pass(0);
  server.fates = { poll: [504, 504] };
  server.say({ type: "nothing of interest" });
  await world.pass(5_000);
  assert.equal(client.transport, "interval");
  client.on("subscription", () => heard.push("here"));
  server.say({ type: "subscribed", channel: "news", epoch: "e", offset: 0, recovered: false, publications: [] });
  await world.pass(2_000);
  assert.deepEqual(heard, ["here"]);
});

test("short polls ask at once for the answer to what was said", async () => {
  const { world, server, client } = made({ transports: ["interval"] }, false);
  void client.connect();
  await world.pass(500);
  const done = client.call("f");
  await world.pass(0);
  server.say({ type: "result", id: server.take("call").id, data: 7 });
  void client.call("g").catch(() => undefined);
  await world.pass(0);
  assert.equal(await done, 7);
});

test("short polls look a few times for an answer that takes its time", async () => {
  const { world, server, client } = made({ transports: ["interval"] }, false);
  void client.connect();
  await world.pass(3_000);
  const before = server.requests.length;
  const done = client.call("f");
  await world.pass(40);
  server.say({ type: "result", id: server.take("call").id, data: 7 });
  await world.pass(20);
  assert.equal(await Promise.race([done, "late"]), 7);
  await world.pass(1_000);
  assert.ok(server.requests.length - before <= 7, `${server.requests.slice(before)}`);
});

test("what is said while a short poll is under way is looked for too", async () => {
  const { world, server, client } = made({ transports: ["interval"] }, false);
  void client.connect();
  await world.pass(1_999);
  void world.pass(1); // a poll begins
  const done = client.call("f");
  await world.pass(0);
  server.say({ type: "result", id: server.take("call").id, data: 7 });
  await world.pass(100);
  assert.equal(await Promise.race([done, "late"]), 7);
});

test("what worked is remembered for a day, and what is remembered is tried first", async () => {
  const { world, server, client, kept } = made({}, false);
  server.fates = { stream: "buffered" };
  void client.connect();
  await world.pass(3_000);
  const again = made({ memory: kept });
  void again.client.connect();
  await again.world.pass(0);
  assert.deepEqual([again.world.sockets.length, kinds(again.server)], [0, ["POST lines", "GET poll", "GET poll"]]);
  const late = made({ memory: kept });
  late.world.time = 25 * 3_600_000;
  void late.client.connect();
  await late.world.pass(0);
  assert.equal(late.world.sockets.length, 1);
});

test("where what is remembered fails, the WebSocket is tried in the same breath", async () => {
  const { world, server, client, kept } = made();
  kept.setItem("everywire:transport:http://test/everywire", "poll 99999999");
  server.fates = { lines: "dead" };
  void client.connect();
  await world.pass(0);
  world.welcome();
  assert.deepEqual([client.state, client.transport, kept.texts.size], ["connected", "websocket", 0]);
});

test("where nothing gets through, it waits, and begins at the top", async () => {
  const { world, server, client } = made();
  server.fates = { lines: "dead" };
  void client.connect();
  world.socket.drop();
  await world.pass(0);
  assert.equal(client.state, "waiting");
  await world.pass(250);
  assert.equal(world.sockets.length, 2);
});

test("a better transport takes the session over, and nothing is lost or doubled", async () => {
  const { world, server, client, heard, seen } = made();
  const states: string[] = [];
  client.subscribe("a", { onPublication: ({ data }) => heard.push(data) });
  void client.connect();
  world.socket.drop();
  await world.pass(0);
  client.on("state", ({ state }) => states.push(state));
  server.say({ type: "subscribed", id: server.take("subscribe").id, channel: "a", epoch: "e", offset: 0, recovered: false, publications: [] });
  server.say({ type: "publication", channel: "a", offset: 1, data: 1, time: 1 });
  await world.pass(30_000);
  assert.equal(world.sockets.length, 2);
  server.say({ type: "publication", channel: "a", offset: 2, data: 2, time: 1 }); // the old one still serves
  await world.pass(10);
  world.socket.open();
  const { resume, id } = world.socket.take("connect");
  assert.equal(resume, "secret");
  server.say({ type: "publication", channel: "a", offset: 3, data: 3, time: 1 }); // nobody hears it there any more
  const call = client.call("f");
  await world.pass(10);
  world.socket.say({ ...WELCOME, id, resumed: true });
  const { since } = world.socket.subscribed("a", { offset: 3, recovered: true, publications: [{ offset: 3, data: 3, time: 1 }] });
  world.socket.say({ type: "result", id: world.socket.take("call").id, data: "ok" });
  assert.equal(since.offset, 2);
  assert.equal(await call, "ok");
  assert.deepEqual([heard, seen, states], [[1, 2, 3], ["stream", "websocket"], []]);
  assert.ok(!kinds(server).includes("DELETE end"));
});

test("nothing is moved while something is under way", async () => {
  const { world, server, client } = made();
  void client.connect();
  world.socket.drop();
  await world.pass(29_000);
  client.call("slow").catch(() => undefined);
  await world.pass(1_000);
  world.socket.open();
  assert.deepEqual([world.socket.sent, client.transport], [[], "stream"]);
  assert.notEqual(world.socket.closedWith, 1000);
  server.take("call");
});

test("moving to a WebSocket that brings nothing takes two seconds, and longer until it is tried again", async () => {
  const { world, client } = made();
  void client.connect();
  world.socket.drop();
  await world.pass(30_000);
  world.socket.open();
  await world.pass(2_500);
  assert.deepEqual([client.state, client.transport, world.sockets.length], ["connected", "stream", 2]);
  await world.pass(59_000);
  assert.equal(world.sockets.length, 2);
});

test("a session that could not be moved is begun anew", async () => {
  const { world, client } = made();
  void client.connect();
  world.socket.drop();
  await world.pass(30_000);
  world.welcome({ resumed: false });
  assert.equal(client.state, "waiting");
});

test("a move that is refused is no refusal of ours: with the token it goes on", async () => {
  for (const refuse of [
    (world: FakeWorld, id: number) => world.socket.say({ type: "error", id, code: 101, reason: "who are you?", temporary: false }),
    (world: FakeWorld) => world.socket.drop(4401, "who are you?"),
  ]) {
    const { world, client } = made({ token: "t" });
    void client.connect();
    world.socket.drop();
    await world.pass(30_000);
    world.socket.open();
    const { id, token } = world.socket.take("connect");
    assert.equal(token, undefined);
    refuse(world, id);
    assert.equal(client.state, "waiting");
    const { length } = world.sockets;
    await world.pass(1_000);
    assert.equal(client.state, world.sockets.length > length ? "connecting" : "connected");
  }
});

test("without a WebSocket the line is heard by something better when there is time for it", async () => {
  const { world, server, client, seen } = made({}, false);
  server.fates = { stream: [502], sse: ["buffered"] };
  void client.connect();
  await world.pass(2_100);
  assert.equal(client.transport, "poll"); // one refusal, one buffer
  await world.pass(30_000);
  assert.equal(client.transport, "sse");
  await world.pass(60_000);
  assert.deepEqual(seen, ["poll", "sse", "stream"]);
  assert.equal(client.state, "connected");
});

test("a better way that does not get through is left for the one that did", async () => {
  const { world, server, client, seen } = made({}, false);
  server.fates = { stream: "buffered", sse: "buffered" };
  void client.connect();
  await world.pass(2_000);
  await world.pass(35_000);
  server.say({ type: "ping" });
  await world.pass(10);
  assert.ok(kinds(server).includes("GET sse"));
  assert.deepEqual([seen, client.state], [["poll"], "connected"]);
  server.take("pong");
});

test("transports can be chosen", async () => {
  const { world, client } = made({ transports: ["poll"] });
  void client.connect();
  await world.pass(0);
  assert.deepEqual([world.sockets.length, client.transport], [0, "poll"]);
  assert.throws(() => made({ transports: ["websocket"] }, false), /no WebSocket/);
});
