/** What the built client does on a real server, whose address is the argument; exits with 1 at the first surprise. */

import assert from "node:assert/strict";
import { Client } from "../../src/everywire/_static/everywire.js";

const url = process.argv[2];
const backoff = { base: 20, cap: 100 };
const next = (emitter, name) => new Promise((resolve) => {
  const stop = emitter.on(name, (value) => {
    stop();
    resolve(value);
  });
});

/** Resolves when `emitter` says `name` and `enough()` is true. */
const until = (emitter, name, enough) => new Promise((resolve) => {
  const look = () => enough() && resolve(stop());
  const stop = emitter.on(name, look);
  look();
});

const ada = new Client(url, { info: { name: "Ada" }, backoff });
const grace = new Client(url, { token: "grace", backoff });
await Promise.all([ada.connect(), grace.connect()]);
assert.deepEqual([ada.user, grace.user], [null, "grace"]);

// Presence and publications, both ways.
const heard = [];
const room = ada.subscribe("room:tea", { onPublication: ({ data, from }) => heard.push([data, from?.user]) });
assert.deepEqual((await next(room, "subscribed")).members.map(({ session }) => session), [ada.session]);
const joined = next(room, "join");
const hers = grace.subscribe("room:tea");
assert.equal((await joined).user, "grace");
const { epoch, offset } = await hers.publish("hello");
assert.equal(offset, 1);
assert.deepEqual(await room.publish("hello too"), { epoch, offset: 2 });
assert.equal(await hers.publish("typing", { ephemeral: true }), null);
await until(room, "publication", () => heard.length === 3);
assert.deepEqual(heard, [["hello", "grace"], ["hello too", null], ["typing", "grace"]]);
assert.equal((await room.presence()).length, 2);
const { publications } = await room.history({ limit: 1, reverse: true });
assert.deepEqual(publications.map(({ data }) => data), ["hello too"]);

// The same key is the same publication.
const key = "order-7";
assert.deepEqual(await room.publish("once", { key }), await room.publish("once", { key }));

// Calls, and the server's noes.
assert.deepEqual(await ada.call("add", [1, 2]), 3);
await assert.rejects(ada.call("nothing of the kind"), { name: "EverywireError", code: 109 });
await assert.rejects(ada.publish("no such channel", 1), { code: 104 });
assert.equal((await next(ada.subscribe("closed"), "error")).code, 103);

// The line is cut in the middle of a burst: every publication is there once, in order, and nobody left.
let leaves = 0;
hers.on("leave", () => { leaves += 1; });
heard.length = 0;
const positions = [];
for (let n = 0; n < 300; n += 1) positions.push(room.publish(n));
const cut = ada.call("cut"); // answered, or lost with the line; never said twice
const back = next(ada, "connected");
await cut.catch(({ code }) => assert.equal(code, "connection-lost"));
assert.equal((await back).resumed, true);
const offsets = (await Promise.all(positions)).map((position) => position.offset);
assert.deepEqual(offsets, offsets.map((_, n) => offsets[0] + n));
await until(room, "publication", () => heard.length >= 300);
assert.deepEqual(heard.map(([data]) => data), offsets.map((_, n) => n));
assert.equal(await ada.call("times cut"), 1);
assert.equal(leaves, 0);

// What is too much for one answer comes in several: for who comes late, and for who asks.
const late = [];
const again = grace.subscribe("room:tea two", { rewind: 500 });
await next(again, "subscribed");
await Promise.all(offsets.map((_, n) => again.publish(n)));
again.unsubscribe();
const follower = grace.subscribe("room:tea two", { rewind: 500, onPublication: ({ data }) => late.push(data) });
const all = offsets.map((_, n) => n);
assert.deepEqual(await next(follower, "subscribed").then(({ recovered, count }) => [recovered, count]), [false, 300]);
await until(follower, "publication", () => late.length >= 300);
assert.deepEqual(late, all);
assert.deepEqual((await follower.history()).publications.map(({ data }) => data), all);
assert.deepEqual((await follower.history({ reverse: true, limit: 40 })).publications.map(({ data }) => data), all.slice(-40).reverse());

// A goodbye is a leave at once.
const left = next(hers, "leave");
const { session } = ada;
ada.close();
assert.equal((await left).session, session);

// A token that the server does not want is the end.
const nobody = new Client(url, { token: "wrong", backoff });
await assert.rejects(nobody.connect(), { name: "EverywireError" });
assert.equal(nobody.state, "closed");
grace.close();
console.log("as expected");
