/** A line: commands that are said once whatever happens, messages that are counted, and its ends. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { FakeLines } from "./fake_lines.ts";
import { FakeWorld } from "./fakes.ts";

function made(transport: "stream" | "sse" | "poll" | "interval" = "stream") {
  const world = new FakeWorld();
  const server = new FakeLines(world);
  const client = world.client({ environment: server.environment(false), transports: [transport], backoff: { base: 100 } });
  const heard: unknown[] = [];
  void client.connect();
  return { world, server, client, heard };
}

for (const transport of ["stream", "sse", "poll", "interval"] as const) {
  test(`${transport}: events come in order, once, over answers that end`, async () => {
    const { world, server, client, heard } = made(transport);
    client.subscribe("a", { onPublication: ({ data }) => heard.push(data) });
    await world.pass(0);
    server.say({ type: "subscribed", id: server.take("subscribe").id, channel: "a", epoch: "e", offset: 0, recovered: false, publications: [] });
    for (let offset = 1; offset <= 9; offset += 1) {
      server.say({ type: "publication", channel: "a", offset, data: offset, time: 1 });
      await world.pass(offset % 3 ? 0 : 2_500);
    }
    assert.deepEqual(heard, [1, 2, 3, 4, 5, 6, 7, 8, 9]);
    client.close();
    await world.pass(0);
    assert.deepEqual(server.lines, []);
  });
}

for (const transport of ["stream", "sse", "poll"] as const) {
  test(`${transport}: who cuts every answer after eleven seconds cuts no line`, async () => {
    const { world, server, client } = made(transport);
    await world.pass(0);
    for (let times = 0; times < 3; times += 1) {
      await world.pass(11_000);
      server.line.cut();
    }
    await world.pass(500);
    assert.deepEqual([client.state, server.lines.length], ["connected", 1]);
  });
}

for (const status of [408, 425, 429, 503]) {
  test(`a line that is refused with ${status} is opened at another try`, async () => {
    const { world, server, client } = made();
    server.fates = { lines: [status, status] };
    await world.pass(5_000);
    assert.deepEqual([client.state, server.lines.length], ["connected", 1]);
  });
}

test("what is said together goes together, with connect first", async () => {
  const { world, server, client } = made();
  await world.pass(0);
  for (const n of [1, 2, 3]) client.publish("a", n).catch(() => undefined);
  await world.pass(0);
  assert.deepEqual(server.sent.map(({ type, data }) => data ?? type), ["connect", 1, 2, 3]);
  assert.equal(server.requests.filter((request) => request.startsWith("POST up")).length, 1);
});

test("a POST that was not answered is said again under its number, and counts once", async () => {
  const { world, server, client } = made();
  await world.pass(0);
  server.fates = { up: ["lost", 503, "dead"] };
  client.publish("a", 1).catch(() => undefined);
  await world.pass(50);
  client.publish("a", 2).catch(() => undefined);
  await world.pass(3_000);
  const ups = server.requests.filter((request) => request.startsWith("POST up"));
  assert.deepEqual(ups, ["POST up?seq=1", "POST up?seq=1", "POST up?seq=1", "POST up?seq=1", "POST up?seq=2"]);
  assert.deepEqual(server.sent.map(({ data }) => data), [undefined, 1, 2]);
  assert.equal(client.state, "connected");
});

test("many commands go in several bodies", async () => {
  const { world, server, client } = made();
  await world.pass(0);
  for (let n = 0; n < 64; n += 1) client.publish("a", "x".repeat(10_000)).catch(() => undefined);
  await world.pass(0);
  assert.ok(server.requests.filter((request) => request.startsWith("POST up")).length > 3);
  assert.equal(server.sent.length, 65);
});

test("a line that is lost is followed by another, which resumes the session", async () => {
  const { world, server, client } = made();
  await world.pass(0);
  server.take("connect");
  const { id } = server.line;
  server.lines = [];
  client.publish("a", 1).catch(() => undefined);
  await world.pass(200);
  assert.equal(server.take("connect").resume, "secret");
  assert.equal(client.state, "connected");
  assert.notEqual(id, undefined);
  assert.equal(server.take("publish").data, 1);
});

test("messages that the server cannot count with us end the line", async () => {
  const { world, server, client } = made("poll");
  await world.pass(0);
  server.take("connect");
  server.line.messages.length = 0;
  await world.pass(25_000);
  await world.pass(200);
  assert.equal(server.take("connect").resume, "secret");
  assert.equal(client.state, "connected");
});

for (const transport of ["stream", "sse", "poll"] as const) {
  test(`${transport}: the server's close code is heard`, async () => {
    const { world, server, client } = made(transport);
    const errors: unknown[] = [];
    client.on("error", ({ code, message }) => errors.push([code, message]));
    await world.pass(0);
    server.close(4404, "kicked out");
    await world.pass(0);
    assert.deepEqual(errors, [[4404, "kicked out"]]);
    assert.equal(client.state, "closed");
  });
}

test("an origin that is not allowed is the end, a strange proxy is not", async () => {
  const { world, server, client } = made();
  server.fetch = async () => Response.json({ code: 103, reason: "this origin is not allowed" }, { status: 403 });
  const other = new FakeWorld();
  const fetch = async () => Response.json({ code: 103, reason: "this origin is not allowed" }, { status: 403 });
  const refused = other.client({ environment: { ...other.environment, WebSocket: undefined, fetch } });
  await assert.rejects(refused.connect(), { code: 4403, message: "this origin is not allowed" });
  const lobby = other.client({ environment: { ...other.environment, WebSocket: undefined, fetch: async () => new Response("log in first", { status: 403 }) } });
  void lobby.connect();
  await other.pass(0);
  assert.equal(lobby.state, "waiting");
  await world.pass(0);
  client.close();
});

test("a network that is gone for ten seconds ends the line", async () => {
  const { world, server, client } = made("poll");
  await world.pass(0);
  server.fates = { poll: "dead", lines: "dead" };
  server.say({ type: "pong", id: 0 });
  await world.pass(9_000);
  assert.equal(client.state, "connected");
  await world.pass(4_000);
  assert.notEqual(client.state, "connected");
});

test("a closed client says goodbye to its line, an abandoned one does not", async () => {
  const { world, server, client } = made();
  await world.pass(0);
  client.close();
  await world.pass(0);
  assert.equal(server.requests.at(-1), "DELETE end");
});

test("no request is led to another server", async () => {
  const world = new FakeWorld();
  const server = new FakeLines(world);
  const { fetch, ...environment } = server.environment(false);
  const redirects = new Set<unknown>();
  const watched: typeof fetch = (url, init) => {
    redirects.add(init.redirect);
    return (fetch as NonNullable<typeof fetch>)(url, init);
  };
  const client = world.client({ environment: { ...environment, fetch: watched }, transports: ["stream"] });
  void client.connect();
  await world.pass(0);
  assert.equal(client.state, "connected");
  assert.deepEqual([...redirects], ["error"]);
  client.close();
});
