/** The page of the chat: log in, hear the room, ask for what was said before. */

import { Client } from "/client/everywire.js";

const room = /^#[a-z]{1,20}$/.test(location.hash) ? location.hash.slice(1) : "lobby";
const username = sessionStorage.getItem("name") ?? prompt("Your name?") ?? "guest";
const messages = new Map();
const element = (id) => document.getElementById(id);

/** Show all messages in their order; text is never markup. */
function show(said) {
  for (const each of said) messages.set(each.number, each);
  const ordered = [...messages.values()].sort((one, other) => one.number - other.number);
  element("said").replaceChildren(...ordered.map(({ by, text }) => {
    const line = document.createElement("li");
    line.textContent = `${by}: ${text}`;
    return line;
  }));
}

const ask = (path, options) => fetch(path, options).then((answer) => (answer.ok ? answer.json() : Promise.reject(new Error(answer.statusText))));
const token = await ask("/login", { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ username }) });
sessionStorage.setItem("name", username);

const client = new Client("/everywire", { token });
// The server subscribes us to a channel of our own.
client.on("subscription", (own) => own.on("publication", ({ data }) => { element("news").textContent = `${data.named_by} named you in #${data.room}`; }));
const here = client.subscribe(`room:${room}`, { onPublication: ({ data }) => show([data]) });
const people = () => { element("people").textContent = [...here.members.values()].map(({ user }) => user).sort().join(", "); };
for (const event of ["subscribed", "join", "leave"]) here.on(event, people);
here.on("subscribed", async () => show(await ask(`/rooms/${room}`, { headers: { Authorization: `Bearer ${token}` } })));
addEventListener("pagehide", () => client.close());
element("room").textContent = `#${room}`;
await client.connect();

element("write").addEventListener("submit", async (event) => {
  event.preventDefault();
  const text = element("text").value.trim();
  if (text === "") return;
  element("text").value = "";
  await client.call("say", { room, text });
});
