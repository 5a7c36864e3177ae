/** Clients of npm's packages in a process of Node: one JSON object to a line comes in, each is answered by one with its `id`. */

import { createRequire } from "node:module";
import { createInterface } from "node:readline";
import { pathToFileURL } from "node:url";
import { obey } from "./speakers.mjs";

const [packages, ours] = process.argv.slice(2);
const from = createRequire(`${packages}/`);
const own = (name) => import(pathToFileURL(`${ours}/${name}`));

const parts = {
  Client: (await own("everywire.js")).Client,
  msgpack: (await own("msgpack.js")).msgpack,
  WebSocket: from("ws"),
  io: from("socket.io-client").io,
  packedParser: from("socket.io-msgpack-parser"),
  SockJS: from("sockjs-client"),
  signalR: from("@microsoft/signalr"),
  PackedProtocol: from("@microsoft/signalr-protocol-msgpack").MessagePackHubProtocol,
};

const say = (said) => process.stdout.write(`${JSON.stringify(said)}\n`);

async function take({ id, ...said }) {
  try {
    say({ id, ...(await obey(said, parts)) });
  } catch (error) {
    say({ id, error: `${error.message ?? error}` });
  }
}

createInterface({ input: process.stdin }).on("line", (line) => void take(JSON.parse(line))).on("close", () => process.exit(0));
