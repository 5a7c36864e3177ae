/** everywire's own client: it comes back, goes on where it was, and knows who is there by itself. */

import { Client } from "/client/everywire.js";
import { channel, hear, me, rewind, showMembers, stand } from "./page.js";

const client = new Client("/everywire", { info: me });
const room = client.subscribe(channel, { rewind, onPublication: ({ data }) => hear(data) });
const members = () => showMembers([...room.members.values()]);
for (const event of ["subscribed", "join", "leave"]) room.on(event, members);
client.on("state", ({ state }) => stand(state === "connected" ? client.transport : state, state === "connected" ? (data) => room.publish(data) : null));
addEventListener("pagehide", () => client.close());
void client.connect();
