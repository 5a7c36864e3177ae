/** The examples that all clients share: MessagePack both ways, and every event told to a client. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { decode, encode } from "@msgpack/msgpack";
import { EverywireError } from "../src/index.ts";
import { msgpack } from "../src/msgpack.ts";
import vectors from "../../../tests/contracts/wire.json";
import { FakeWorld, settled } from "./fakes.ts";

interface Vector {
  name: string;
  json: object & { id?: number };
  msgpack: string;
}

const commands: Vector[] = vectors.commands;
const events: Vector[] = vectors.events;
const bytes = (hex: string) => Uint8Array.from(Buffer.from(hex, "hex"));
const asText = (value: unknown) => JSON.parse(msgpack.text(msgpack.encode(value as object)));

for (const vector of [...commands, ...events]) {
  test(`MessagePack: ${vector.name}`, () => {
    const read = msgpack.decode(bytes(vector.msgpack).buffer) as object;
    assert.deepEqual(asText(read), vector.json);
    const written = msgpack.encode(read) as Uint8Array;
    if (!vector.name.includes("with everything")) assert.equal(Buffer.from(written).toString("hex"), vector.msgpack);
    assert.deepEqual(asText(decode(written)), vector.json);
  });
}

test("no event harms a client, whatever it answers", async () => {
  for (const { json } of events) {
    const world = new FakeWorld();
    const client = world.connected();
    client.subscribe("c");
    const { id } = world.socket.take("subscribe");
    world.socket.say({ ...json, ...(json.id !== undefined && { id }) });
    await settled();
    assert.notEqual(client.state, "waiting");
  }
});

const VALUES: unknown[] = [
  null, true, false, 0, 127, 128, 255, 256, 65535, 65536, 2 ** 32 - 1, 2 ** 32, Number.MAX_SAFE_INTEGER,
  -1, -32, -33, -128, -129, -32768, -32769, -(2 ** 31), -(2 ** 31) - 1, Number.MIN_SAFE_INTEGER, 0.5, -1.25, 1e300, 5e-324,
  "", "é", "x".repeat(31), "x".repeat(32), "x".repeat(255), "x".repeat(256), "x".repeat(70_000), "\u{1f600}",
  [], new Array(15).fill(1), new Array(16).fill(1), new Array(70_000).fill(1), {}, Object.fromEntries(new Array(20).fill(0).map((_, n) => [`k${n}`, n])),
  new Uint8Array(), new Uint8Array(300), new Uint8Array(70_000), { a: [{ b: new Uint8Array([1, 2]) }] },
];

test("MessagePack: every kind of value goes both ways, also with another implementation", () => {
  for (const value of VALUES) {
    const written = msgpack.encode(value as object) as Uint8Array<ArrayBuffer>;
    assert.deepEqual(decode(written), value);
    assert.deepEqual(msgpack.decode(written.buffer), value);
    assert.deepEqual(msgpack.decode(Uint8Array.from(encode(value)).buffer), value);
  }
});

test("MessagePack: what JSON leaves out or changes is left out or changed", () => {
  const date = new Date(0);
  const read = msgpack.decode((msgpack.encode({ a: undefined, f: () => 1, n: Number.NaN, date, zero: -0 }) as Uint8Array<ArrayBuffer>).buffer);
  assert.deepEqual(read, { n: null, date: date.toJSON(), zero: -0 });
  assert.throws(() => msgpack.encode({ big: 2n ** 64n }), RangeError);
});

test("MessagePack: what is broken, endless or strange is refused", () => {
  for (const hex of ["", "c1", "ddffffffff", "dfffffffff", "d9", "a1", "a1ff", "c403", "d40100", "c70101ff", "8101c0", "c0c0", "cb00"]) {
    assert.throws(() => msgpack.decode(bytes(hex).buffer), Error, hex);
  }
});

test("MessagePack: a field named __proto__ is a field", () => {
  const read = msgpack.decode(bytes("81a95f5f70726f746f5f5f81a161c3").buffer) as { a?: unknown };
  assert.deepEqual([Object.keys(read), read.a], [["__proto__"], undefined]);
});

test("a client speaks MessagePack where it is handed in", async () => {
  const world = new FakeWorld();
  const said: unknown[] = [];
  const client = world.client({ codec: msgpack });
  void client.connect();
  const { socket } = world;
  const say = (event: object) => socket.onmessage?.({ data: (msgpack.encode(event) as Uint8Array).buffer } as never);
  socket.send = (payload) => void said.push(msgpack.decode((payload as Uint8Array<ArrayBuffer>).buffer));
  assert.deepEqual([socket.protocols, socket.binaryType], [["everywire.v1.msgpack"], "arraybuffer"]);
  socket.open();
  say({ type: "connected", id: 1, session: "s", user: null, resume: "r", resumed: false, heartbeat: { every: 1000, patience: 1000 } });
  const data = { picture: new Uint8Array([1, 2, 3]) };
  const done = client.publish("a", data, { key: "k" });
  assert.deepEqual(said[1], { type: "publish", id: 2, channel: "a", data, key: "k" });
  say({ type: "error", id: 2, code: 111, reason: "conflict", temporary: false, data: { offset: 7 } });
  await assert.rejects(done, (error) => error instanceof EverywireError && (error.data as { offset: number }).offset === 7);
});
