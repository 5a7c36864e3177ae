/** SignalR's official client. Publications are invocations of the channel's name; everything else is a hub method of ours. */

import { channel, hear, me, rewind, stand, watchMembers } from "./page.js";

const connection = new signalR.HubConnectionBuilder()
  .withUrl("/hub", { accessTokenFactory: () => encodeURIComponent(me.name) })
  .withAutomaticReconnect()
  .configureLogging(signalR.LogLevel.None)
  .build();
const ask = (what, said) => connection.invoke(`everywire:${what}`, { channel, ...said });
let rest = () => undefined;

async function enter() {
  const { publications } = await ask("subscribe", { rewind });
  for (const { data } of publications) hear(data);
  rest = watchMembers(async () => (await ask("presence")).members);
  stand("connected", (data) => ask("publish", { data }));
}

function lost(error) {
  rest();
  stand(error?.message ?? "closed");
}

connection.on(channel, hear);
connection.onreconnecting(lost);
connection.onclose(lost);
connection.onreconnected(() => enter().catch(lost));
connection.start().then(enter).catch(lost);
