/** Socket.IO's official client. Publications are events called as the channel; everything else is an event of ours with an acknowledgement. */

import { channel, hear, me, rewind, stand, watchMembers } from "./page.js";

const socket = io({ auth: { info: me } });
let rest = () => undefined;

async function ask(what, said) {
  const answer = await socket.timeout(10_000).emitWithAck(`everywire:${what}`, { channel, ...said });
  if (answer.error) throw new Error(answer.error.message);
  return answer;
}

async function enter() {
  const { publications } = await ask("subscribe", { rewind });
  for (const { data } of publications) hear(data);
  rest = watchMembers(async () => (await ask("presence")).members);
  const say = (data) => ask("publish", { data });
  stand(socket.io.engine.transport.name, say);
  socket.io.engine.once("upgrade", ({ name }) => stand(name, say));
}

socket.on(channel, hear);
socket.on("connect", () => enter().catch(({ message }) => stand(message)));
socket.on("disconnect", (reason) => {
  rest();
  stand(reason);
});
