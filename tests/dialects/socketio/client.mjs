/**
 * npm's socket.io-client, unmodified, in a process that does as a test tells it (client.py): one JSON object to a line comes in,
 * each is answered by one with its `id`. What happens to a client meanwhile is reported as it comes: `{"who": …, "was": "connect", …}`.
 *
 * Bytes are {"$bytes": base64} in both directions.
 */

import http from "node:http";
import https from "node:https";
import { createRequire } from "node:module";
import { createInterface } from "node:readline";

const from = createRequire(`${process.argv[2]}/`);
const { io } = from("socket.io-client");
const parts = from("engine.io-client");

const say = (said) => process.stdout.write(`${JSON.stringify(said)}\n`);

function written(value) {
  if (value instanceof ArrayBuffer) return written(new Uint8Array(value));
  if (ArrayBuffer.isView(value)) return { $bytes: Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString("base64") };
  return through(value, written);
}

function read(value) {
  if (typeof value?.$bytes === "string") return Buffer.from(value.$bytes, "base64");
  return through(value, read);
}

function through(value, each) {
  if (Array.isArray(value)) return value.map(each);
  if (value === null || typeof value !== "object") return value;
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, each(one)]));
}

/**
 * An agent that knows all of its client's network connections, also those that became WebSockets. It keeps none alive between
 * requests: on such a one a request that is cut off is quietly made again.
 */
function wires(url) {
  const agent = new (url.startsWith("https:") ? https : http).Agent();
  const { createConnection } = agent;
  const open = new Set();
  agent.createConnection = function (...given) {
    const socket = createConnection.apply(this, given);
    open.add(socket);
    return socket.once("close", () => open.delete(socket));
  };
  return { agent, open };
}

class Client {
  #who;
  #wires;
  #answers = new Map();
  #asked = 0;

  constructor({ who, url, parser, options = {} }) {
    this.#who = who;
    this.#wires = wires(url);
    const more = { agent: this.#wires.agent, ...(parser && { parser: from(parser) }) };
    const transports = options.transports?.map((name) => parts[name] ?? name); // "Fetch" and its like are classes
    this.socket = io(url, { ...more, ...options, ...(options.auth && { auth: read(options.auth) }), ...(transports && { transports }) });
    this.#watch();
  }

  #report(was, said = {}) {
    say({ who: this.#who, was, ...said });
  }

  #watch() {
    const { socket } = this;
    const manager = socket.io;
    socket.on("connect", () => this.#report("connect", this.state()));
    socket.on("connect_error", ({ message, data }) => this.#report("connect_error", { message, data: written(data), active: socket.active }));
    socket.on("disconnect", (reason) => this.#report("disconnect", { reason, active: socket.active }));
    socket.onAny((name, ...args) => this.#heard(name, args));
    manager.on("open", () => {
      manager.engine.on("upgrade", ({ name }) => this.#report("upgrade", { transport: name }));
      manager.engine.on("upgradeError", ({ message }) => this.#report("upgrade_error", { message }));
    });
    for (const was of ["reconnect_attempt", "reconnect"]) manager.on(was, (attempt) => this.#report(was, { attempt }));
    for (const was of ["error", "reconnect_error"]) manager.on(was, ({ message }) => this.#report(was, { message }));
    manager.on("reconnect_failed", () => this.#report("reconnect_failed"));
    manager.on("ping", () => this.#report("ping"));
  }

  #heard(name, args) {
    if (typeof args.at(-1) !== "function") return this.#report("event", { name, args: written(args) });
    const number = ++this.#asked;
    this.#answers.set(number, args.at(-1));
    return this.#report("event", { name, args: written(args.slice(0, -1)), number });
  }

  /** How it stands; `sid` is its id in the namespace, `engine` that of what carries it. */
  state() {
    const { connected, id, recovered, active, io: manager } = this.socket; // `recovered` is undefined until a server offers recovery
    return { connected, sid: id, recovered: Boolean(recovered), active, engine: manager.engine?.id, transport: manager.engine?.transport?.name };
  }

  emit({ name, args, flags = {} }) {
    Object.assign(this.socket.flags, flags); // volatile, compress
    this.socket.emit(name, ...read(args));
    return {};
  }

  /** Emit and wait for the acknowledgement; gives all of its arguments. */
  ask({ name, args, timeout }) {
    return new Promise((resolve, reject) => {
      const given = (...answer) => resolve({ answer: written(answer) });
      const in_time = (error, ...answer) => (error ? reject(error) : given(...answer));
      if (timeout) this.socket.timeout(timeout * 1000).emit(name, ...read(args), in_time);
      else this.socket.emit(name, ...read(args), given);
    });
  }

  /** The same as an application would: one value, or the error. */
  async ask_one({ name, args, timeout = 5 }) {
    return { answer: written(await this.socket.timeout(timeout * 1000).emitWithAck(name, ...read(args))) };
  }

  /** Acknowledge an event that was reported with this number. */
  answer({ number, args }) {
    this.#answers.get(number)(...read(args));
    this.#answers.delete(number);
    return {};
  }

  /** Acknowledge every event of this name at once. */
  on({ name, answer }) {
    this.socket.on(name, (...args) => typeof args.at(-1) === "function" && args.at(-1)(...read(answer)));
    return {};
  }

  auth({ auth }) {
    this.socket.auth = read(auth);
    return {};
  }

  /** Ask a function what to show, at every attempt: it counts them. */
  auth_by_function() {
    let attempt = 0;
    this.socket.auth = (give) => setImmediate(() => give({ attempt: ++attempt }));
    return {};
  }

  /** Lose the connection as a client that notices would: by a close of its own, after which it comes back. */
  drop() {
    this.socket.io.engine.close();
    return {};
  }

  /** Lose the connection as by the network: every TCP connection ends, and nobody says anything. */
  cut() {
    for (const socket of this.#wires.open) socket.destroy();
    return { cut: this.#wires.open.size };
  }

  open() {
    this.socket.connect();
    return {};
  }

  disconnect() {
    this.socket.disconnect();
    return {};
  }
}

const clients = new Map();

async function obey({ id, do: what, ...said }) {
  try {
    if (what === "connect") {
      clients.set(said.who, new Client(said));
      return say({ id });
    }
    return say({ id, ...(await clients.get(said.who)[what](said)) });
  } catch (error) {
    return say({ id, error: `${error.message ?? error}` });
  }
}

createInterface({ input: process.stdin }).on("line", (line) => void obey(JSON.parse(line))).on("close", () => process.exit(0));
