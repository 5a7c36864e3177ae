/** On a real server, a session that moves up to a WebSocket while others publish: node climbing_on_server.mjs ADDRESS. */

import assert from "node:assert/strict";
import { Client } from "../../src/everywire/_static/everywire.js";

const url = process.argv[2];
const until = (emitter, name, enough = () => true) =>
  new Promise((resolve) => {
    const stop = emitter.on(name, (value) => {
      if (!enough(value)) return;
      stop();
      resolve(value);
    });
  });

/** The network refuses WebSockets at first; what waits for half a minute, or for whole ones, waits for a moment. */
let open = false;
class Guarded {
  constructor(...how) {
    if (open) return new WebSocket(...how);
    queueMicrotask(() => this.onclose?.({ code: 1006, reason: "" }));
  }
  close() {}
}
const environment = { setTimeout: (run, ms) => setTimeout(run, ms > 0 && ms % 30_000 === 0 ? 50 : ms) };

const grace = new Client(url, { transports: ["websocket"] });
const ada = new Client(url, { WebSocket: Guarded, environment, token: "ada" });
await Promise.all([grace.connect(), ada.connect()]);
if (!ada.transport) await until(ada, "transport");
assert.equal(ada.transport, "stream");

const [heard, seen, states] = [[], [], []];
const room = ada.subscribe("room:move", { onPublication: ({ data }) => heard.push(data) });
const hers = grace.subscribe("room:move", { onJoin: ({ user }) => seen.push(["join", user]), onLeave: ({ user }) => seen.push(["leave", user]) });
await Promise.all([until(room, "subscribed"), until(hers, "subscribed")]);
if (!hers.members.has(ada.session)) await until(hers, "join", (member) => member.session === ada.session);
seen.length = 0;
ada.on("state", ({ state }) => states.push(state));
const { session } = ada;

open = true;
const moved = until(ada, "transport", (transport) => transport === "websocket");
let count = 0;
for (let over = false; !over; ) {
  await grace.publish("room:move", count++);
  over = await Promise.race([moved.then(() => true), new Promise((resolve) => setTimeout(resolve, 5, false))]);
}
for (let more = 0; more < 50; more += 1) await grace.publish("room:move", count++);
if (heard.length < count) await until(room, "publication", () => heard.length >= count);
await ada.publish("room:move", "mine");
assert.deepEqual(heard.slice(0, count), Array.from({ length: count }, (_, n) => n));
assert.deepEqual([ada.session, ada.user, seen, states], [session, "ada", [], []]);

// A direct subscription beside one with wildcards: each publication once for each.
const scores = [];
const direct = ada.subscribe("score:ann", { onPublication: ({ data }) => scores.push(`direct ${data}`) });
const pattern = ada.subscribe("score:*", { onPublication: ({ data }) => scores.push(`pattern ${data}`) });
await Promise.all([until(direct, "subscribed"), until(pattern, "subscribed")]);
await grace.publish("score:ann", 1);
await grace.publish("score:ann", 2);
await ada.call("add", [1]);
assert.deepEqual(scores.sort(), ["direct 1", "direct 2", "pattern 1", "pattern 2"]);
ada.close();
grace.close();
console.log("as expected");
