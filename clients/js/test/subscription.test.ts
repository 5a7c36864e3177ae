/** Subscriptions: positions, recovery, gaps, presence, ends. */

import assert from "node:assert/strict";
import { test } from "node:test";
import type { Subscription } from "../src/index.ts";
import { FakeWorld } from "./fakes.ts";

/** Everything a subscription says, in order, as short tuples. */
function listen(subscription: Subscription): unknown[] {
  const said: unknown[] = [];
  subscription.on("publication", ({ offset, data }) => said.push(offset === undefined ? ["~", data] : [offset, data]));
  subscription.on("subscribed", ({ recovered, count }) => said.push(["subscribed", recovered, count]));
  subscription.on("lost", ({ since }) => said.push(["lost", since.offset]));
  subscription.on("join", ({ session }) => said.push(["join", session]));
  subscription.on("leave", ({ session }) => said.push(["leave", session]));
  subscription.on("unsubscribed", ({ reason }) => said.push(["unsubscribed", reason]));
  subscription.on("error", ({ code }) => said.push(["error", code]));
  return said;
}

const kept = (offset: number, data: unknown = null) => ({ offset, data, time: 1 });

test("subscribes once connected, with the rewind asked for, and hands what it finds", () => {
  const world = new FakeWorld();
  const client = world.client();
  const said = listen(client.subscribe("a", { rewind: 2 }));
  void client.connect();
  world.welcome();
  const command = world.socket.subscribed("a", { offset: 8, publications: [kept(7, "x"), kept(8, "y")] });
  assert.deepEqual([command.rewind, command.since], [2, undefined]);
  world.socket.publication("a", 9, "z");
  assert.deepEqual(said, [["subscribed", false, 2], [7, "x"], [8, "y"], [9, "z"]]);
});

test("callbacks in the options are listeners", () => {
  const world = new FakeWorld();
  const heard: unknown[] = [];
  world.connected().subscribe<string>("a", {
    onPublication: ({ data }) => heard.push(data.toUpperCase()),
    onSubscribed: ({ members }) => heard.push(members.length),
    onJoin: ({ session }) => heard.push(session),
    onLeave: ({ session }) => heard.push(session),
    onLost: () => heard.push("lost"),
    onError: () => heard.push("error"),
    onUnsubscribed: () => heard.push("end"),
  });
  world.socket.subscribed("a", { members: [] });
  world.socket.publication("a", 1, "x");
  world.socket.say({ type: "join", channel: "a", member: { session: "s2", user: null } });
  world.socket.say({ type: "leave", channel: "a", member: { session: "s2", user: null } });
  assert.deepEqual(heard, [0, "X", "s2", "s2"]);
});

test("comes back with its position and is told what it missed, once", () => {
  const world = new FakeWorld();
  const subscription = world.connected().subscribe("a");
  const said = listen(subscription);
  world.socket.subscribed("a", { offset: 4 });
  world.socket.publication("a", 5, "five");
  world.reconnect();
  assert.equal(subscription.state, "subscribing");
  world.socket.publication("a", 7, "early"); // the answer below holds it
  const command = world.socket.subscribed("a", { offset: 7, recovered: true, publications: [kept(6, "six"), kept(7, "early")] });
  assert.deepEqual(command.since, { epoch: "e", offset: 5 });
  world.socket.publication("a", 7, "early");
  world.socket.publication("a", 8, "eight");
  assert.deepEqual(said, [["subscribed", false, 0], [5, "five"], ["subscribed", true, 2], [6, "six"], [7, "early"], [8, "eight"]]);
});

test("what cannot be recovered is said to be lost, before what is left", () => {
  const world = new FakeWorld();
  const subscription = world.connected().subscribe("a", { rewind: 1 });
  const said = listen(subscription);
  world.socket.subscribed("a", { offset: 4 });
  world.reconnect();
  world.socket.subscribed("a", { epoch: "f", offset: 2, publications: [kept(2, "new")] });
  assert.deepEqual(said, [["subscribed", false, 0], ["lost", 4], ["subscribed", false, 1], [2, "new"]]);
  assert.deepEqual(subscription.position, { epoch: "f", offset: 2 });
});

test("what comes in pages is handed on page by page, and announced once", () => {
  const world = new FakeWorld();
  const subscription = world.connected().subscribe("a");
  const said = listen(subscription);
  const ada = { session: "s2", user: null };
  world.socket.subscribed("a", { offset: 1, members: [ada] });
  world.reconnect();
  world.socket.subscribed("a", { offset: 3, recovered: true, more: "ask", publications: [kept(2), kept(3)] });
  assert.equal(subscription.state, "subscribing");
  assert.equal(subscription.members.size, 1);
  world.socket.publication("a", 4, "early"); // of another time: the next page holds it
  const command = world.socket.subscribed("a", { offset: 4, recovered: true, publications: [kept(4)], members: [] });
  assert.deepEqual(command.since, { epoch: "e", offset: 3 });
  assert.equal(subscription.state, "subscribed");
  world.socket.publication("a", 5, "live");
  assert.deepEqual(said, [["subscribed", false, 0], [2, null], [3, null], ["leave", "s2"], ["subscribed", true, 3], [4, null], [5, "live"]]);
  assert.equal(world.socket.sent.length, 0);
});

test("pages that follow are not asked for, and the last one attaches", () => {
  const world = new FakeWorld();
  const subscription = world.connected().subscribe("a", { since: { epoch: "e", offset: 0 } });
  const said = listen(subscription);
  world.socket.subscribed("a", { offset: 1, recovered: true, more: "ask", publications: [kept(1)] });
  const { id, pages } = world.socket.take("subscribe");
  assert.equal(pages, 2);
  const answer = (fields: object) =>
    world.socket.say({ type: "subscribed", id, channel: "a", epoch: "e", recovered: true, ...fields });
  answer({ offset: 2, more: "follows", publications: [kept(2)] });
  world.socket.publication("a", 3, "early");
  assert.equal(subscription.state, "subscribing");
  answer({ offset: 3, publications: [kept(3)] });
  answer({ offset: 4, publications: [kept(4)] }); // after the last one nothing is expected
  assert.deepEqual(said, [[1, null], [2, null], ["subscribed", true, 3], [3, null]]);
  assert.equal(world.socket.sent.length, 0);
});

test("of each question twice as many pages are taken, until it is attached or cut off", () => {
  const world = new FakeWorld();
  world.connected().subscribe("a", { since: { epoch: "e", offset: 0 } });
  for (const end of [() => world.reconnect(), () => world.socket.subscribed("a", { offset: 99, recovered: true })]) {
    const pages = [];
    for (let offset = 1; offset < 9; offset += 1) {
      const command = world.socket.subscribed("a", { offset, recovered: true, more: "ask", publications: [kept(offset)] });
      pages.push(command.pages);
    }
    assert.deepEqual(pages, [undefined, 2, 4, 8, 16, 32, 64, 64]);
    end();
  }
  world.socket.publication("a", 101, "after a gap");
  assert.equal(world.socket.take("subscribe").pages, undefined);
});

test("a refusal while pages follow is one of the subscription", () => {
  const world = new FakeWorld();
  const said = listen(world.connected().subscribe("a"));
  const { id } = world.socket.take("subscribe");
  const page = { type: "subscribed", channel: "a", epoch: "e", offset: 1, recovered: false, publications: [kept(1)] };
  world.socket.say({ ...page, id, more: "follows" });
  world.socket.say({ type: "error", id, code: 103, reason: "permission denied", temporary: false });
  assert.deepEqual(said, [[1, null], ["error", 103], ["unsubscribed", "permission denied"]]);
});

test("a link lost between two pages goes on where the last one ended", () => {
  const world = new FakeWorld();
  const said = listen(world.connected().subscribe("a", { rewind: 9 }));
  world.socket.subscribed("a", { offset: 2, more: "ask", publications: [kept(1), kept(2)] });
  world.reconnect();
  const command = world.socket.subscribed("a", { offset: 4, recovered: true, more: "ask", publications: [kept(3), kept(4)] });
  assert.deepEqual(command.since, { epoch: "e", offset: 2 });
  world.socket.subscribed("a", { offset: 4, recovered: true });
  assert.deepEqual(said, [[1, null], [2, null], [3, null], [4, null], ["subscribed", false, 4]]);
});

test("a loss between two pages is told in its place", () => {
  const world = new FakeWorld();
  const said = listen(world.connected().subscribe("a", { since: { epoch: "e", offset: 0 } }));
  world.socket.subscribed("a", { offset: 2, recovered: true, more: "ask", publications: [kept(1), kept(2)] });
  world.socket.subscribed("a", { epoch: "f", offset: 1, more: "ask", publications: [kept(1)] });
  world.socket.subscribed("a", { epoch: "f", offset: 2, recovered: true, publications: [kept(2)] });
  assert.deepEqual(said, [[1, null], [2, null], ["lost", 2], [1, null], ["subscribed", false, 2], [2, null]]);
});

test("leaving in a page asks for no other", () => {
  const world = new FakeWorld();
  const subscription = world.connected().subscribe("a", { onPublication: () => subscription.unsubscribe() });
  world.socket.subscribed("a", { offset: 2, more: "ask", publications: [kept(1), kept(2)] });
  assert.deepEqual(world.socket.sent.map(({ type }) => type), ["unsubscribe"]);
});

test("what a listener that closed was not given is still to come", () => {
  const world = new FakeWorld();
  const client = world.connected();
  const heard: unknown[] = [];
  client.subscribe("a", {
    onPublication: ({ offset }) => {
      heard.push(offset);
      if (offset === 1) client.close();
    },
  });
  world.socket.subscribed("a", { offset: 3, publications: [kept(1), kept(2), kept(3)] });
  void client.connect();
  world.welcome();
  assert.deepEqual(world.socket.take("subscribe").since, { epoch: "e", offset: 1 });
  assert.deepEqual(heard, [1]);
});

test("history in several answers comes back as one", async () => {
  const world = new FakeWorld();
  const room = world.connected().subscribe("a");
  const answer = async (fields: object) => {
    await new Promise((resolve) => setImmediate(resolve));
    const command = world.socket.take("history");
    world.socket.say({ type: "history", id: command.id, channel: "a", epoch: "e", offset: 4, ...fields });
    return command;
  };
  const forward = room.history({ limit: 3 });
  await answer({ more: true, publications: [kept(1), kept(2)] });
  const { since, before: end, limit } = await answer({ offset: 9, publications: [kept(3)] });
  assert.deepEqual([since, end, limit], [{ epoch: "e", offset: 2 }, { epoch: "e", offset: 5 }, 1]);
  assert.deepEqual(await forward, { epoch: "e", offset: 4, publications: [kept(1), kept(2), kept(3)] });
  const backward = room.history({ reverse: true });
  await answer({ more: true, publications: [kept(4), kept(3)] });
  const { before } = await answer({ offset: 5, publications: [kept(2)] });
  assert.deepEqual(before, { epoch: "e", offset: 3 });
  assert.deepEqual(await backward, { epoch: "e", offset: 4, publications: [kept(4), kept(3), kept(2)] });
  const others = room.history();
  await answer({ more: true, publications: [], after: 2 });
  const { since: on } = await answer({ publications: [kept(4)], recovered: true });
  assert.deepEqual([on, (await others).publications], [{ epoch: "e", offset: 2 }, [kept(4)]]);
});

for (const [what, next] of [
  ["expired", { publications: [kept(4)] }],
  ["was lost with its log", { epoch: "f", publications: [kept(4)] }],
] as const) {
  test(`history that ${what} between two answers leaves no hole`, async () => {
    const world = new FakeWorld();
    const history = world.connected().subscribe("a").history();
    for (const fields of [{ more: true, publications: [kept(1), kept(2)] }, next]) {
      const { id } = world.socket.take("history");
      world.socket.say({ type: "history", id, channel: "a", epoch: "e", offset: 4, ...fields });
      await new Promise((resolve) => setImmediate(resolve));
    }
    assert.deepEqual((await history).publications, [kept(4)]);
  });
}

for (const [what, next] of [
  ["expired", { publications: [kept(3)] }],
  ["was lost with its log", { epoch: "f", publications: [kept(3)] }],
] as const) {
  test(`what replaces history that ${what} is as much as was asked for`, async () => {
    const world = new FakeWorld();
    const history = world.connected().subscribe("a").history({ limit: 2 });
    const limits = [];
    for (const fields of [{ more: true, publications: [kept(1)] }, next, { ...next, publications: [kept(4)] }]) {
      const { id, limit } = world.socket.take("history");
      limits.push(limit);
      world.socket.say({ type: "history", id, channel: "a", epoch: "e", offset: 4, ...fields });
      await new Promise((resolve) => setImmediate(resolve));
    }
    assert.deepEqual((await history).publications, [kept(3), kept(4)]);
    assert.deepEqual(limits, [2, 1, 1]);
  });
}

test("an empty log is a position too", () => {
  const world = new FakeWorld();
  world.connected().subscribe("a");
  world.socket.subscribed("a");
  world.reconnect();
  assert.deepEqual(world.socket.take("subscribe").since, { epoch: "e", offset: 0 });
});

test("goes on from a position kept by the application", () => {
  const world = new FakeWorld();
  world.connected().subscribe("a", { since: { epoch: "e", offset: 3 } });
  assert.deepEqual(world.socket.take("subscribe").since, { epoch: "e", offset: 3 });
});

test("old offsets are ignored", () => {
  const world = new FakeWorld();
  const said = listen(world.connected().subscribe("a"));
  world.socket.subscribed("a", { offset: 3 });
  world.socket.publication("a", 3, "again");
  world.socket.publication("a", 4, "new");
  assert.deepEqual(said.slice(1), [[4, "new"]]);
});

test("a gap asks again from the last position, once", () => {
  const world = new FakeWorld();
  const said = listen(world.connected().subscribe("a"));
  world.socket.subscribed("a", { offset: 1 });
  world.socket.publication("a", 3, "three");
  world.socket.publication("a", 4, "four");
  assert.equal(world.socket.sent.length, 1);
  const command = world.socket.subscribed("a", { offset: 4, recovered: true, publications: [kept(2, "two"), kept(3, "three"), kept(4, "four")] });
  assert.deepEqual(command.since, { epoch: "e", offset: 1 });
  assert.deepEqual(said.slice(2), [[2, "two"], [3, "three"], [4, "four"]]);
});

test("a moved log asks again", () => {
  const world = new FakeWorld();
  const said = listen(world.connected().subscribe("a"));
  world.socket.subscribed("a", { offset: 1 });
  world.socket.say({ type: "moved", channel: "a", epoch: "f" });
  world.socket.publication("a", 2, "of the new log");
  world.socket.subscribed("a", { epoch: "f", offset: 2 });
  assert.deepEqual(said.slice(1), [["lost", 1], ["subscribed", false, 0]]);
});

test("ephemeral publications have no position", () => {
  const world = new FakeWorld();
  const subscription = world.connected().subscribe("a");
  const said = listen(subscription);
  world.socket.publication("a", undefined, "too early");
  world.socket.subscribed("a", { offset: 1 });
  world.socket.publication("a", undefined, "typing");
  assert.deepEqual(said.slice(1), [["~", "typing"]]);
  assert.deepEqual(subscription.position, { epoch: "e", offset: 1 });
});

test("members are kept by session", () => {
  const world = new FakeWorld();
  const subscription = world.connected().subscribe("a");
  const member = (session: string) => ({ session, user: null });
  world.socket.subscribed("a", { members: [member("s1"), member("s2")] });
  world.socket.say({ type: "join", channel: "a", member: member("__proto__") });
  world.socket.say({ type: "leave", channel: "a", member: member("s2") });
  assert.deepEqual([...subscription.members.keys()], ["s1", "__proto__"]);
});

test("who came and left while the line was cut is told on return", () => {
  const world = new FakeWorld();
  const subscription = world.connected().subscribe("a");
  const said = listen(subscription);
  const members = (...sessions: string[]) => sessions.map((session) => ({ session, user: null }));
  world.socket.subscribed("a", { members: members("s1", "s2") });
  world.reconnect();
  assert.equal(subscription.members.size, 2);
  world.socket.subscribed("a", { recovered: true, members: members("s1", "s3") });
  assert.deepEqual(said.slice(1), [["leave", "s2"], ["join", "s3"], ["subscribed", true, 0]]);
});

test("channel names are data, whatever they are", () => {
  const world = new FakeWorld();
  const client = world.connected();
  for (const name of ["__proto__", "constructor", "toString"]) {
    world.socket.publication(name, 1, "for nobody");
    const said = listen(client.subscribe(name));
    world.socket.subscribed(name);
    world.socket.publication(name, 1, "x");
    assert.deepEqual(said.at(-1), [1, "x"]);
  }
});

test("one subscription per channel", () => {
  const client = new FakeWorld().connected();
  client.subscribe("a");
  assert.throws(() => client.subscribe("a"), /already subscribed to a/);
});

test("unsubscribing is final, also in the middle of what was missed", () => {
  const world = new FakeWorld();
  const client = world.connected();
  const subscription = client.subscribe("a");
  const said = listen(subscription);
  subscription.on("publication", () => subscription.unsubscribe());
  world.socket.subscribed("a", { offset: 2, publications: [kept(1, "one"), kept(2, "two")] });
  world.socket.publication("a", 3, "three");
  assert.deepEqual(said, [["subscribed", false, 2], [1, "one"], ["unsubscribed", undefined]]);
  assert.equal(world.socket.take("unsubscribe").channel, "a");
  client.subscribe("a");
});

test("leaving is said again where the link was lost before it was confirmed, and no more than that", () => {
  const world = new FakeWorld();
  const client = world.connected();
  client.subscribe("a").unsubscribe();
  world.reconnect({ resumed: true });
  const { id, channel } = world.socket.take("unsubscribe");
  assert.equal(channel, "a");
  world.socket.say({ type: "unsubscribed", id, channel });
  world.reconnect({ resumed: true });
  assert.throws(() => world.socket.take("unsubscribe"));
});

test("a channel that the server does not know any more is not left again on the resumed session", () => {
  const world = new FakeWorld();
  const client = world.connected();
  client.subscribe("a").unsubscribe();
  const { id } = world.socket.take("unsubscribe");
  world.socket.say({ type: "error", id, code: 105, reason: "not subscribed" });
  world.reconnect({ resumed: true });
  assert.throws(() => world.socket.take("unsubscribe"));
});

test("a channel left while offline is left on the resumed session, before it is subscribed again", () => {
  const world = new FakeWorld();
  const client = world.connected();
  const [one, two] = [client.subscribe("one"), client.subscribe("two")];
  world.socket.drop();
  one.unsubscribe();
  two.unsubscribe();
  client.subscribe("two");
  world.advance(250);
  world.welcome({ resumed: true });
  const order = world.socket.sent.map(({ type, channel }) => `${type} ${channel}`);
  assert.deepEqual(order, ["unsubscribe one", "unsubscribe two", "subscribe two"]);
});

test("a refused subscription ends", () => {
  const world = new FakeWorld();
  const client = world.connected();
  const said = listen(client.subscribe("secret"));
  const { id } = world.socket.take("subscribe");
  world.socket.say({ type: "error", id, code: 103, reason: "permission denied", temporary: false });
  assert.deepEqual(said, [["error", 103], ["unsubscribed", "permission denied"]]);
  world.reconnect();
  assert.deepEqual(world.socket.sent, []);
});

test("a subscription refused for now is asked again, with patience", () => {
  const world = new FakeWorld();
  const said = listen(world.connected().subscribe("a"));
  for (const delay of [250, 500]) {
    const { id } = world.socket.take("subscribe");
    world.socket.say({ type: "error", id, code: 100, reason: "internal error", temporary: true });
    world.advance(delay - 1);
    assert.deepEqual(world.socket.sent, []);
    world.advance(1);
  }
  world.socket.subscribed("a");
  assert.deepEqual(said, [["error", 100], ["error", 100], ["subscribed", false, 0]]);
});

test("a retry that a reconnection overtook is not made", () => {
  const world = new FakeWorld();
  const said = listen(world.connected({ backoff: { base: 0 } }).subscribe("a"));
  const { id } = world.socket.take("subscribe");
  world.socket.say({ type: "error", id, code: 100, reason: "internal error", temporary: true });
  world.socket.drop();
  world.advance(1);
  world.welcome();
  world.socket.subscribed("a");
  world.advance(5000);
  assert.deepEqual(world.socket.sent, []);
  assert.equal(said.length, 2);
});

test("the server may end a subscription", () => {
  const world = new FakeWorld();
  const client = world.connected();
  const said = listen(client.subscribe("a"));
  world.socket.subscribed("a");
  world.socket.say({ type: "unsubscribed", channel: "a", reason: "kicked" });
  assert.deepEqual(said.at(-1), ["unsubscribed", "kicked"]);
  world.reconnect();
  assert.deepEqual(world.socket.sent, []);
});

test("members that are told anew replace those that were known", () => {
  const world = new FakeWorld();
  const subscription = world.connected().subscribe("a");
  const said = listen(subscription);
  const [ada, ben, cid] = ["ada", "ben", "cid"].map((session) => ({ session, user: null }));
  world.socket.subscribed("a", { members: [ada, ben] });
  world.socket.say({ type: "presence", channel: "a", members: [ben, cid], sessions: 2, users: 0 });
  assert.deepEqual(said, [["subscribed", false, 0], ["leave", "ada"], ["join", "cid"]]);
  assert.deepEqual([...subscription.members.keys()], ["ben", "cid"]);
});
