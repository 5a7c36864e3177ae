/** everywire's wire written by hand, over anything that carries texts and looks like a WebSocket: `open` makes one. */

import { channel, hear, me, rewind, stand, watchMembers } from "./page.js";

export function talk(open, transport) {
  const answers = new Map();
  const line = open();
  let asked = 0;
  let rest = () => undefined;

  function ask(type, said) {
    const id = ++asked;
    line.send(JSON.stringify({ type, id, ...said }));
    return new Promise((done, fail) => answers.set(id, { done, fail }));
  }

  function take(said) {
    if (said.type === "publication") return hear(said.data);
    if (said.type === "ping") return line.send('{"type":"pong"}');
    const waiting = answers.get(said.id);
    answers.delete(said.id);
    return said.type === "error" ? waiting?.fail(new Error(said.reason)) : waiting?.done(said);
  }

  async function enter() {
    await ask("connect", { info: me });
    const { publications } = await ask("subscribe", { channel, rewind });
    for (const { data } of publications) hear(data);
    rest = watchMembers(async () => (await ask("presence", { channel })).members);
    stand(transport(line), (data) => ask("publish", { channel, data }));
  }

  line.onmessage = ({ data }) => take(JSON.parse(data));
  line.onopen = () => enter().catch(({ message }) => stand(message));
  const leave = () => line.close(1000); // for good, and others see it at once
  addEventListener("pagehide", leave);
  line.onclose = ({ reason }) => {
    removeEventListener("pagehide", leave);
    for (const { fail } of answers.values()) fail(new Error("the connection was lost"));
    rest();
    stand(reason || "lost");
    setTimeout(() => talk(open, transport), 1000 + 2000 * Math.random());
  };
}
