/** All that the built client can do, on a real server: node everything_on_server.mjs ADDRESS TRANSPORT ["msgpack"]. */

import assert from "node:assert/strict";
import { deltas } from "../../src/everywire/_static/deltas.js";
import { Client } from "../../src/everywire/_static/everywire.js";
import { msgpack } from "../../src/everywire/_static/msgpack.js";
import { send, stream } from "../../src/everywire/_static/streams.js";

const [, , url, transport, wire] = process.argv;
const options = { transports: [transport], backoff: { base: 20, cap: 100 }, ...(wire === "msgpack" && { codec: msgpack }) };
const until = (emitter, name, enough = () => true) =>
  new Promise((resolve) => {
    const stop = emitter.on(name, (value) => {
      if (!enough(value)) return;
      stop();
      resolve(value);
    });
  });

const ada = new Client(url, { ...options, info: { name: "Ada" } });
const grace = new Client(url, { ...options, token: "grace" });
ada.handle("confirm", (question) => `yes: ${question}`);
await Promise.all([ada.connect(), grace.connect()]);
if (!ada.transport) await until(ada, "transport");
assert.deepEqual([ada.transport, grace.user], [transport, "grace"]);

// Publications, in order and once, also over a line that is cut in between.
const heard = [];
const room = ada.subscribe("room:tea", { onPublication: ({ data }) => heard.push(data) });
const hers = grace.subscribe("room:tea");
await Promise.all([until(room, "subscribed"), until(hers, "subscribed")]);
let leaves = 0;
hers.on("leave", () => (leaves += 1));
const numbers = Array.from({ length: 150 }, (_, n) => n);
const all = until(room, "publication", () => heard.length === numbers.length);
const published = numbers.map((n) => room.publish(n));
const back = until(ada, "connected");
const cut = ada.call("cut");
if (transport === "websocket") {
  cut.catch(({ code }) => assert.equal(code, "connection-lost"));
  assert.equal((await back).resumed, true);
} else await cut; // a line outlives the requests that it consists of
const positions = await Promise.all(published);
assert.deepEqual(positions.map(({ offset }) => offset), numbers.map((n) => n + 1));
await all;
assert.deepEqual([heard, leaves], [numbers, 0]);

// Calls both ways, with streams.
assert.equal(await ada.call("add", [1, 2]), 3);
await assert.rejects(ada.call("nothing of the kind"), { code: 109 });
assert.equal(await ada.call("ask me", "sure?"), "yes: sure?");
await assert.rejects(grace.call("ask me", "sure?"), { code: 109 });
await assert.rejects(ada.call("slow", null, { timeout: 50 }), ({ code }) => code === "timeout" || code === 113);
const items = [];
for await (const item of stream(ada, "count", { to: 100 })) items.push(item);
assert.deepEqual(items, numbers.slice(0, 100));
for await (const item of stream(ada, "count", { to: 1_000_000 })) if (item === 20) break;
assert.equal(await send(ada, "sum", numbers), 11175);
const doubled = [];
for await (const item of stream(ada, "double", undefined, { items: numbers.slice(0, 40) })) doubled.push(item);
assert.deepEqual(doubled, numbers.slice(0, 40).map((n) => 2 * n));

// Keyed channels: a map that both see, compare-and-set, and a look without following.
const map = ada.subscribe("map:1");
await until(map, "subscribed");
const { offset } = await map.set("a", 1, { expect: 0 });
await assert.rejects(grace.publish("map:1", 2, { entry: "a", expect: 0 }), (error) => error.code === 111 && error.data.offset === offset);
await grace.publish("map:1", 2, { entry: "a", expect: offset });
await map.set("b", 3);
await map.remove("b");
await map.set("c", 4);
if (!map.entries.has("c")) await until(map, "changed", ({ entry }) => entry === "c");
const pairs = (entries) => [...entries].map(([name, { data }]) => [name, data]).sort();
assert.deepEqual(pairs(map.entries), [["a", 2], ["c", 4]]);
const theirs = grace.subscribe("map:1");
assert.deepEqual(pairs((await theirs.readEntries()).entries), [["a", 2], ["c", 4]]);
if (theirs.state !== "subscribed") await until(theirs, "subscribed");
assert.deepEqual(pairs(theirs.entries), [["a", 2], ["c", 4]]);

// Policies, deltas, wildcards, audiences.
const sampled = ada.subscribe("room:sampled", { policy: { kind: "latest", interval: 50 } });
await until(sampled, "subscribed");
await Promise.all(numbers.slice(0, 50).map((n) => grace.publish("room:sampled", n)));
await until(sampled, "publication", ({ data }) => data === 49);
assert.equal(sampled.position.offset, 50);
assert.equal((await sampled.setPolicy({ kind: "reliable" })).kind, "reliable");

const big = { text: "x".repeat(2_000), list: numbers, at: 0 };
const boards = [];
const board = ada.subscribe("room:board", { delta: deltas, onPublication: ({ data }) => boards.push(data) });
await until(board, "subscribed");
const drawn = until(board, "publication", () => boards.length === 10);
for (let at = 0; at < 10; at += 1) await grace.publish("room:board", { ...big, at });
await drawn;
assert.deepEqual(boards, Array.from({ length: 10 }, (_, at) => ({ ...big, at })));

const anywhere = ada.subscribe("score:*");
await until(anywhere, "subscribed");
const scored = until(anywhere, "publication");
await grace.publish("score:ann", 7);
assert.deepEqual(await scored.then(({ channel, data }) => [channel, data]), ["score:ann", 7]);

// Its own subscription is told differences, the other one everything.
const [wild, own] = [[], []];
anywhere.on("publication", ({ data }) => wild.push(data));
const ann = ada.subscribe("score:ann", { delta: deltas, onPublication: ({ data }) => own.push(data) });
await until(ann, "subscribed");
const both = Promise.all([until(anywhere, "publication", () => wild.length === 6), until(ann, "publication", () => own.length === 6)]);
for (let at = 0; at < 6; at += 1) await grace.publish("score:ann", { ...big, at });
await both;
for (const told of [wild, own]) assert.deepEqual(told, boards.slice(0, 6));

const quiet = until(room, "publication");
await grace.publish("room:tea", "not for Ada", { exclude: [ada.session] });
await grace.publish("room:tea", "for Ada", { to: { session: ada.session } });
assert.equal((await quiet).data, "for Ada");
assert.equal(room.position.offset, numbers.length + 2);

if (wire === "msgpack") {
  const picture = until(room, "publication");
  await grace.publish("room:tea", { picture: new Uint8Array([0, 255, 16]) });
  assert.deepEqual((await picture).data, { picture: new Uint8Array([0, 255, 16]) });
}
assert.deepEqual((await room.count()).sessions, 2);

// A goodbye is a leave at once; a token that the server does not want is the end.
const left = until(hers, "leave");
const { session } = ada;
ada.close();
assert.equal((await left).session, session);
await assert.rejects(new Client(url, { ...options, token: "wrong" }).connect(), { name: "EverywireError" });
grace.close();
console.log("as expected");
