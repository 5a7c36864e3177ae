/**
 * npm's sockjs-client, unmodified, in a process that does as a test tells it (client.py): one JSON object to a line comes in,
 * each is answered by one with its `id`. What happens to a client meanwhile is reported as it comes: `{"who": …, "was": "open", …}`.
 */

import http from "node:http";
import net from "node:net";
import { createRequire } from "node:module";
import { createInterface } from "node:readline";

const from = createRequire(`${process.argv[2]}/`);

// Every connection that this process makes, so that it can be cut.
const wires = new Set();
const { connect } = net.Socket.prototype;
net.Socket.prototype.connect = function (...given) {
  wires.add(this);
  this.once("close", () => wires.delete(this));
  return connect.apply(this, given);
};
http.globalAgent.maxSockets = Infinity;
const SockJS = from("sockjs-client");

const say = (said) => process.stdout.write(`${JSON.stringify(said)}\n`);

class Client {
  constructor({ who, url, options = {} }) {
    const report = (was, said = {}) => say({ who, was, ...said });
    this.socket = new SockJS(url, null, options);
    this.socket.onopen = () => report("open", { transport: this.socket.transport });
    this.socket.onmessage = ({ data }) => report("message", { data });
    this.socket.onheartbeat = () => report("heartbeat");
    this.socket.onclose = ({ code, reason, wasClean }) => report("close", { code, reason, clean: wasClean });
  }

  send({ texts }) {
    for (const text of texts) this.socket.send(text);
    return {};
  }

  close({ code, reason }) {
    this.socket.close(code, reason);
    return {};
  }
}

const clients = new Map();

/** Lose every connection, as by the network. */
function cut() {
  for (const socket of wires) socket.destroy();
  return { cut: wires.size };
}

function obey({ id, do: what, ...said }) {
  try {
    if (what === "connect") clients.set(said.who, new Client(said));
    say({ id, ...(what === "connect" ? {} : what === "cut" ? cut() : clients.get(said.who)[what](said)) });
  } catch (error) {
    say({ id, error: `${error.message ?? error}` });
  }
}

createInterface({ input: process.stdin }).on("line", (line) => obey(JSON.parse(line))).on("close", () => process.exit(0));
