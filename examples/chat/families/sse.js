/** Server-sent events and fetch: EventSource comes back by itself, and is told first what it missed. */

import { channel, hear, me, rewind, stand, watchMembers } from "./page.js";

const where = `channel=${encodeURIComponent(channel)}`;
const Authorization = `Bearer ${encodeURIComponent(me.name)}`;
const events = new EventSource(`/everywire/sse?${where}&rewind=${rewind}&presence=1&token=${encodeURIComponent(encodeURIComponent(me.name))}`);

async function ask(path, options) {
  const answer = await fetch(`/everywire/${path}`, { ...options, headers: { Authorization } });
  const said = await answer.json();
  if (!answer.ok) throw new Error(said.reason);
  return said;
}

events.addEventListener("subscribed", ({ data }) => {
  for (const publication of JSON.parse(data).publications) hear(publication.data);
});
events.addEventListener("publication", ({ data }) => hear(JSON.parse(data).data));
events.onopen = () => stand("sse", (data) => ask("publish", { method: "POST", body: JSON.stringify({ channel: channel, data }) }));
events.onerror = () => stand("waiting");
watchMembers(async () => (await ask(`presence?${where}`)).members);
