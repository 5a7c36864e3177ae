/** The connection: welcome, coming back, waiting, dying silently, ending for good. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { Client, EverywireError, type StateChange } from "../src/index.ts";
import codes from "../../../tests/contracts/close_codes.json";
import { FakeWorld, settled, WELCOME } from "./fakes.ts";

test("connects with our subprotocol, token and info", async () => {
  const world = new FakeWorld();
  const client = world.client({ token: "t", info: { name: "Ada" } });
  const done = client.connect();
  assert.equal(client.state, "connecting");
  world.socket.open();
  assert.deepEqual(world.socket.protocols, ["everywire.v1.json"]);
  assert.deepEqual(world.socket.sent, [{ type: "connect", id: 1, token: "t", info: { name: "Ada" } }]);
  world.socket.say({ ...WELCOME, id: 1, user: "ada" });
  await done;
  assert.equal(client.state, "connected");
  assert.equal(client.session, "s1");
  assert.equal(client.user, "ada");
});

test("a token function is asked at each try, and its failure is a failed try", async () => {
  const world = new FakeWorld();
  const offline = new Error("offline");
  const tokens = [() => "one", () => Promise.reject(offline), () => "three"];
  const client = world.client({ token: () => (tokens.shift() as () => string)() });
  const waits: StateChange[] = [];
  client.on("state", (change) => change.state === "waiting" && waits.push(change));
  void client.connect();
  await settled();
  world.welcome();
  world.socket.drop();
  world.advance(250);
  await settled();
  assert.equal(client.state, "waiting");
  assert.deepEqual(waits.map(({ code, reason, error }) => [code, reason, error]), [[1006, "", undefined], [1006, "no token: offline", offline]]);
  world.advance(500);
  await settled();
  world.socket.open();
  assert.equal(world.socket.take("connect").token, "three");
});

test("a token that takes too long is asked for again, and nothing comes of the late one", async () => {
  const world = new FakeWorld();
  let late: (token: string) => void = () => undefined;
  const tokens = [new Promise<string>((resolve) => (late = resolve)), "two"];
  const client = world.client({ token: () => tokens.shift() as string, openTimeout: 3000 });
  void client.connect();
  await settled();
  world.advance(3000);
  assert.equal(client.state, "waiting");
  late("one");
  await settled();
  assert.equal(world.sockets.length, 0);
  world.advance(250);
  await settled();
  world.socket.open();
  assert.equal(world.socket.take("connect").token, "two");
});

test("a token refused for good ends the client", async () => {
  const world = new FakeWorld();
  const errors: EverywireError[] = [];
  const client = world.client({ token: () => Promise.reject(new EverywireError(101, "signed out")) });
  client.on("error", (error) => errors.push(error));
  await assert.rejects(client.connect(), { code: 101, message: "signed out" });
  assert.deepEqual([client.state, errors.length, world.sockets.length], ["closed", 1, 0]);
});

test("comes back after ever longer waits, up to the cap", () => {
  const world = new FakeWorld();
  const delays: number[] = [];
  const client = world.client({ backoff: { base: 250, cap: 2000 } });
  client.on("state", ({ state, delay }) => state === "waiting" && delays.push(delay as number));
  void client.connect();
  for (let tries = 0; tries < 6; tries += 1) {
    world.socket.drop();
    world.advance(delays.at(-1) as number);
  }
  assert.deepEqual(delays, [250, 500, 1000, 2000, 2000, 2000]);
});

test("jitter is full: a wait may be any part of its bound", () => {
  const world = new FakeWorld();
  world.chance = 0;
  world.connected();
  world.socket.drop();
  world.advance(0);
  assert.equal(world.sockets.length, 2);
});

test("the wait is short again only after a connection that lasted", () => {
  const world = new FakeWorld();
  const delays: number[] = [];
  const client = world.connected();
  client.on("state", ({ state, delay }) => state === "waiting" && delays.push(delay as number));
  for (const lasted of [0, 0, 6000]) {
    world.advance(lasted);
    world.socket.drop();
    world.advance(delays.at(-1) as number);
    world.welcome();
  }
  assert.deepEqual(delays, [250, 500, 250]);
});

test("the resume secret of the last welcome is sent", () => {
  const world = new FakeWorld();
  world.connected();
  world.socket.drop();
  world.advance(250);
  world.socket.open();
  assert.equal(world.socket.take("connect").resume, "secret");
});

for (const [code, comesBack] of [...codes.reconnects.map((code) => [code, true] as const), ...codes.final.map((code) => [code, false] as const)]) {
  test(`close code ${code}: ${comesBack ? "reconnects" : "is the end"}`, () => {
    const world = new FakeWorld();
    const client = world.connected();
    const errors: EverywireError[] = [];
    client.on("error", (error) => errors.push(error));
    world.socket.drop(code, "why");
    assert.equal(client.state, comesBack ? "waiting" : "closed");
    assert.deepEqual(errors.map((error) => [error.code, error.message]), comesBack ? [] : [[code, "why"]]);
  });
}

test("a refused connect ends the client and rejects connect()", async () => {
  const world = new FakeWorld();
  const client = world.client();
  const done = client.connect();
  world.socket.open();
  world.socket.say({ type: "error", id: 1, code: 101, reason: "unauthorized", temporary: false });
  await assert.rejects(done, { code: 101, message: "unauthorized" });
  assert.equal(client.state, "closed");
});

test("a connect refused for now is tried again", () => {
  const world = new FakeWorld();
  const client = world.client();
  void client.connect();
  world.socket.open();
  world.socket.say({ type: "error", id: 1, code: 108, reason: "full", temporary: true });
  assert.equal(client.state, "waiting");
});

test("pings are answered, also inside an array", () => {
  const world = new FakeWorld();
  world.connected();
  world.socket.onmessage?.({ data: '[{"type":"ping"},{"type":"ping"}]' } as never);
  assert.deepEqual(world.socket.sent, [{ type: "pong" }, { type: "pong" }]);
});

test("a server that falls silent is dead after every + patience", () => {
  const world = new FakeWorld();
  const client = world.client();
  void client.connect();
  const socket = world.welcome({ heartbeat: { every: 1000, patience: 500 } });
  for (let beats = 0; beats < 5; beats += 1) {
    world.advance(1400);
    socket.say({ type: "ping" });
  }
  world.advance(1499);
  assert.equal(client.state, "connected");
  world.advance(1);
  assert.equal(client.state, "waiting");
  assert.notEqual(socket.closedWith, undefined);
  socket.drop(1006); // what the dead socket still says changes nothing
  world.advance(250);
  assert.equal(world.sockets.length, 2);
});

test("a try that gets no welcome is given up", () => {
  const world = new FakeWorld();
  const client = world.client({ openTimeout: 3000 });
  void client.connect();
  world.socket.open();
  world.advance(3000);
  assert.equal(client.state, "waiting");
});

test("waking up while waiting tries at once", () => {
  const world = new FakeWorld();
  const client = world.connected();
  world.socket.drop();
  world.wake();
  assert.equal(client.state, "connecting");
  assert.equal(world.sockets.length, 2);
  world.advance(60_000);
  world.wake();
});

test("waking up while connected asks whether the server is still there", () => {
  const world = new FakeWorld();
  const client = world.connected();
  world.wake();
  const { id } = world.socket.take("ping");
  world.socket.say({ type: "pong", id });
  world.advance(10_000);
  assert.equal(client.state, "connected");
  world.wake();
  world.advance(10_000);
  assert.equal(client.state, "waiting");
});

test("what is not JSON ends the link, not the client", () => {
  const world = new FakeWorld();
  const client = world.connected();
  world.socket.onmessage?.({ data: "<html>" } as never);
  assert.equal(client.state, "waiting");
});

test("close() says goodbye, and nothing happens afterwards", async () => {
  const world = new FakeWorld();
  const client = world.connected();
  const states: StateChange[] = [];
  client.on("state", (change) => states.push(change));
  const call = client.call("slow");
  client.close();
  client.close();
  await assert.rejects(call, { code: "closed" });
  await assert.rejects(client.call("late"), { code: "closed" });
  assert.equal(world.socket.closedWith, 1000);
  world.socket.drop(1000);
  world.advance(100_000);
  assert.deepEqual(states.map(({ state }) => state), ["closed"]);
  assert.equal(world.sockets.length, 1);
});

test("a closed client connects anew, as a new session", () => {
  const world = new FakeWorld();
  const client = world.connected();
  client.subscribe("a");
  client.close();
  void client.connect();
  world.socket.open();
  assert.equal(world.socket.take("connect").resume, undefined);
  assert.equal(world.sockets.length, 2);
});

test("a listener that throws is reported and stops nobody", (context) => {
  const world = new FakeWorld();
  const report = context.mock.method(console, "error", () => undefined);
  const client = world.client();
  const heard: string[] = [];
  client.on("state", () => {
    throw new Error("mine");
  });
  const stop = client.on("state", ({ state }) => heard.push(state));
  void client.connect();
  stop();
  world.welcome();
  assert.deepEqual(heard, ["connecting"]);
  assert.equal(report.mock.callCount(), 2);
});

test("who does not want to wait is told where and why not, and may go on", async () => {
  const world = new FakeWorld();
  const client = new Client("wss://ann:secret@test/everywire?token=secret", { environment: world.environment });
  const early = client.connect({ timeout: 100 });
  world.advance(100);
  await assert.rejects(early, { code: "timeout", temporary: true, message: "no connection to https://test/everywire within 100 ms: no answer yet" });
  const late = client.connect({ timeout: 1_000 });
  world.socket.drop(1006, "refused");
  world.advance(1_000);
  await assert.rejects(late, { name: "EverywireError", code: "timeout", message: "no connection to https://test/everywire within 1000 ms: refused" });
  const done = client.connect({ timeout: 1_000 });
  world.welcome();
  await done;
  world.advance(10_000);
  assert.equal(client.state, "connected");
  await client.connect({ timeout: 1 });
});

test("what is asked of a client that is not connected rejects with closed", async () => {
  const world = new FakeWorld();
  const client = world.client();
  const room = client.subscribe("room");
  const asked = () => [client.publish("room", 1), client.publish("room", 1, { ephemeral: true }), room.publish(1), client.call("f"), room.history(), room.presence()];
  for (const asking of asked()) await assert.rejects(asking, { name: "EverywireError", code: "closed", message: "the client is closed: connect() first" });
  void client.connect();
  world.welcome();
  client.close();
  for (const asking of asked()) await assert.rejects(asking, { code: "closed" });
});
