/** The hooks, in real components on a client with a fake network. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { createElement, type FunctionComponent, StrictMode } from "react";
import TestRenderer, { act } from "react-test-renderer";
import type { Client } from "../src/index.ts";
import { ClientProvider, useCall, useChannel, useClient, useClientState, useEntries, usePresence } from "../src/react.ts";
import { FakeWorld } from "./fakes.ts";

(globalThis as { IS_REACT_ACT_ENVIRONMENT?: boolean }).IS_REACT_ACT_ENVIRONMENT = true;

async function show(client: Client, Shown: FunctionComponent) {
  let made: TestRenderer.ReactTestRenderer | undefined;
  const page = createElement(StrictMode, null, createElement(ClientProvider, { client }, createElement(Shown)));
  await act(async () => {
    made = TestRenderer.create(page);
  });
  const renderer = made as TestRenderer.ReactTestRenderer;
  return { text: () => renderer.toJSON() as unknown as string, leave: () => act(async () => renderer.unmount()) };
}

const does = (what: () => unknown) => act(async () => void (await what()));

test("a channel is shown, kept up to date, bounded, and left", async () => {
  const world = new FakeWorld();
  const client = world.connected();
  const { text, leave } = await show(client, () => {
    const { state, publications } = useChannel<number>("a", { rewind: 5, keep: 2 });
    return `${state}: ${publications.map(({ data }) => data)}`;
  });
  assert.equal(text(), "subscribing: ");
  await does(() => assert.equal(world.socket.subscribed("a").rewind, 5));
  for (const offset of [1, 2, 3]) await does(() => world.socket.publication("a", offset, offset));
  assert.equal(text(), "subscribed: 2,3");
  assert.deepEqual(world.socket.sent, []); // strict mode looks twice, and subscribes once
  await leave();
  assert.equal(world.socket.take("unsubscribe").channel, "a");
  assert.equal(client.subscription("a"), undefined);
});

test("components share a subscription, and one that the application made is not ended", async () => {
  const world = new FakeWorld();
  const client = world.connected();
  client.subscribe("a");
  const Members = () => usePresence("a").map(({ session }) => session).join();
  const Entries = () => [...useEntries<number>("a")].map(([name, { data }]) => `${name}=${data}`).join();
  const { text, leave } = await show(client, () => createElement("p", null, createElement(Members), " ", createElement(Entries)));
  const children = () => (text() as unknown as { children: string[] | null }).children?.join("").trim();
  const entries = [{ entry: "x", offset: 1, data: 1, time: 1 }];
  await does(() => world.socket.subscribed("a", { offset: 1, entries, members: [{ session: "s1", user: null }] }));
  assert.equal(children(), "s1 x=1");
  await does(() => world.socket.say({ type: "join", channel: "a", member: { session: "s2", user: null } }));
  await does(() => world.socket.say({ type: "publication", channel: "a", entry: "y", offset: 2, data: 2, time: 1 }));
  assert.equal(children(), "s1,s2 x=1,y=2");
  await leave();
  assert.equal(client.subscription("a")?.state, "subscribed");
});

test("the state of the client", async () => {
  const world = new FakeWorld();
  const client = world.client();
  const { text } = await show(client, () => `${useClientState()} ${useClient() === client}`);
  assert.equal(text(), "closed true");
  await does(() => void client.connect());
  await does(() => world.welcome());
  assert.equal(text(), "connected true");
});

test("a call, its answer and its failure", async () => {
  const world = new FakeWorld();
  const client = world.connected();
  let call: (data?: number) => Promise<unknown> = async () => undefined;
  const { text, leave } = await show(client, () => {
    const add = useCall<number, number>("add");
    call = add.call;
    return `${add.pending} ${add.data} ${(add.error as Error)?.message}`;
  });
  await does(() => void call(1).catch(() => undefined));
  assert.equal(text(), "true undefined undefined");
  await does(() => world.socket.say({ type: "result", id: world.socket.take("call").id, data: 2 }));
  assert.equal(text(), "false 2 undefined");
  await does(() => void call(1).catch(() => undefined));
  await does(() => world.socket.say({ type: "error", id: world.socket.take("call").id, code: 100, reason: "no", temporary: false }));
  assert.equal(text(), "false 2 no");
  const cut = assert.rejects(call(3), { code: "aborted" });
  await leave();
  await cut;
});
