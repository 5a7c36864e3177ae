/**
 * npm's @microsoft/signalr, unmodified, in a process that does as a test tells it (client.py): one JSON object to a line comes in,
 * each is answered by one with its `id`. What happens to a client meanwhile is reported as it comes: `{"who": …, "was": "invoked", …}`.
 *
 * Bytes are {"$bytes": base64} in both directions.
 */

import { createRequire } from "node:module";
import { createInterface } from "node:readline";

const from = createRequire(`${process.argv[2]}/`);
const signalr = from("@microsoft/signalr");
const { MessagePackHubProtocol } = from("@microsoft/signalr-protocol-msgpack");
const WebSocket = from("ws");

const say = (said) => process.stdout.write(`${JSON.stringify(said)}\n`);

function written(value) {
  if (value instanceof ArrayBuffer) return written(new Uint8Array(value));
  if (ArrayBuffer.isView(value)) return { $bytes: Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString("base64") };
  return through(value, written);
}

function read(value) {
  if (typeof value?.$bytes === "string") return new Uint8Array(Buffer.from(value.$bytes, "base64"));
  return through(value, read);
}

function through(value, each) {
  if (Array.isArray(value)) return value.map(each);
  if (value === null || typeof value !== "object") return value;
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, each(one)]));
}

const reason = (error) => (error === undefined || error === null ? null : `${error.message ?? error}`);

class Client {
  #who;
  #sockets = new Set();
  #tokens;
  #streams = new Map();

  constructor({ who, url, options = {} }) {
    this.#who = who;
    this.#tokens = options.tokens;
    this.connection = this.#built(url, options);
    this.#watch();
    for (const name of options.hears ?? []) this.connection.on(name, (...args) => this.#report("invoked", { name, args: written(args) }));
    for (const [name, answer] of Object.entries(options.answers ?? {})) this.connection.on(name, (...args) => this.#answered(name, answer, args));
  }

  #built(url, { transport, msgpack, reconnects, stateful, timeout, alive, ...more }) {
    const sockets = this.#sockets;
    class Watched extends WebSocket {
      constructor(...given) {
        super(...given);
        sockets.add(this);
        this.on("close", () => sockets.delete(this));
      }
    }
    const http = {
      logger: process.env.SIGNALR_LOG ? signalr.LogLevel.Trace : signalr.LogLevel.None,
      WebSocket: Watched,
      ...(transport && { transport: signalr.HttpTransportType[transport] }),
      ...(this.#tokens && { accessTokenFactory: () => this.#token() }),
      ...(more.skipNegotiation && { skipNegotiation: true }),
      ...(more.headers && { headers: more.headers }),
      ...(more.withCredentials !== undefined && { withCredentials: more.withCredentials }),
    };
    const builder = new signalr.HubConnectionBuilder().withUrl(url, http).configureLogging(http.logger);
    if (msgpack) builder.withHubProtocol(new MessagePackHubProtocol());
    if (reconnects) builder.withAutomaticReconnect(reconnects);
    if (stateful) builder.withStatefulReconnect(stateful === true ? undefined : stateful);
    if (timeout) builder.withServerTimeout(timeout * 1000);
    if (alive) builder.withKeepAliveInterval(alive * 1000);
    return builder.build();
  }

  /** Show the first of the tokens, and the next one each time it is asked for again. */
  #token() {
    const token = this.#tokens.length > 1 ? this.#tokens.shift() : this.#tokens[0];
    this.#report("token", { token });
    return token;
  }

  #report(was, said = {}) {
    say({ who: this.#who, was, ...said });
  }

  #watch() {
    const { connection } = this;
    connection.onclose((error) => this.#report("close", { error: reason(error) }));
    connection.onreconnecting((error) => this.#report("reconnecting", { error: reason(error) }));
    connection.onreconnected((id) => this.#report("reconnected", { connection: id }));
  }

  #answered(name, answer, args) {
    this.#report("invoked", { name, args: written(args) });
    if (answer?.$error) throw new Error(answer.$error);
    return read(answer);
  }

  async start() {
    await this.connection.start();
    return this.state();
  }

  state() {
    const transport = this.connection.connection.transport?.constructor.name.replace("Transport", "");
    return { state: this.connection.state, connection: this.connection.connectionId, transport, stateful: Boolean(this.connection.connection.features.reconnect) };
  }

  /** Show a newer token by a request of its own, as .NET's client does; what carries the line knows its address. */
  async refresh({ token }) {
    const { _url: url } = this.connection.connection.transport;
    const answer = await fetch(url.replace("/hub?", "/hub/refresh?"), { method: "POST", headers: { authorization: `Bearer ${token}` } });
    return { status: answer.status, said: await answer.json() };
  }

  async stop() {
    await this.connection.stop();
    return {};
  }

  async invoke({ name, args }) {
    const given = await this.connection.invoke(name, ...read(args));
    return { answer: given === undefined ? null : written(given), void: given === undefined };
  }

  /** Send the numbers up to `count`, all at once; with `cut` the connection is lost in the middle of that. */
  flood({ name, count, cut }) {
    for (let number = 0; number < count; number++) {
      void this.connection.send(name, number).catch(() => {}); // the test sees what has not come
      if (cut && number === count >> 1) this.cut();
    }
    return {};
  }

  async send({ name, args }) {
    await this.connection.send(name, ...read(args));
    return {};
  }

  /** Invoke with one stream for each list of items in `uploads`, behind the other arguments; a last item {"$error": …} breaks its stream. */
  #given(args, uploads = []) {
    const subjects = uploads.map(() => new signalr.Subject());
    const feed = () => subjects.forEach((subject, at) => this.#feed(subject, uploads[at]));
    return [[...read(args), ...subjects], feed];
  }

  #feed(subject, items) {
    for (const item of items) {
      if (item?.$error) return subject.error(new Error(item.$error));
      subject.next(read(item));
    }
    return subject.complete();
  }

  async upload({ name, args, uploads }) {
    const streams = uploads.map(() => new signalr.Subject());
    const given = read(args);
    // Two that are next to each other are not both taken for streams by the client itself.
    const all = streams.length > 1 ? [streams[0], ...given, ...streams.slice(1)] : [...given, ...streams];
    const answer = this.connection.invoke(name, ...all);
    streams.forEach((stream, at) => this.#feed(stream, uploads[at]));
    return { answer: written(await answer) ?? null };
  }

  /** Give all that a stream gives; with `take` it is cancelled after so many. */
  stream({ name, args, take, uploads }) {
    const [given, feed] = this.#given(args, uploads);
    return new Promise((resolve) => {
      const items = [];
      const end = (said) => resolve({ items, ...said });
      const subscription = this.connection.stream(name, ...given).subscribe({
        next: (item) => {
          items.push(written(item));
          if (items.length === take) {
            subscription.dispose();
            end({ canceled: true });
          }
        },
        error: (error) => end({ broken: reason(error) }),
        complete: () => end({}),
      });
      feed();
    });
  }

  /** Lose the WebSocket as by the network: nobody says anything. */
  cut() {
    const open = [...this.#sockets];
    for (const socket of open) {
      socket.removeAllListeners("message"); // what came in the same breath is lost, too
      socket._socket?.destroy();
    }
    return { cut: open.length };
  }

  /**
   * Note every number that the server counts, and say it back; the WebSocket is lost after each `every`th new one. Gives what was heard
   * once the last is.
   */
  converse({ last, every }) {
    const heard = [];
    return new Promise((resolve) => {
      this.connection.on("count", (number) => {
        heard.push(number);
        void this.connection.send("note", number).catch(() => {}); // the test sees what has not come
        if (every && heard.length % every === 0) this.cut();
        if (number === last) resolve({ heard });
      });
    });
  }
}

const clients = new Map();

async function obey({ id, do: what, ...said }) {
  try {
    if (what === "make") {
      clients.set(said.who, new Client(said));
      return say({ id });
    }
    return say({ id, ...(await clients.get(said.who)[what](said)) });
  } catch (error) {
    return say({ id, error: `${error.message ?? error}` });
  }
}

process.on("unhandledRejection", () => {}); // of items that the client goes on sending when its connection is gone

createInterface({ input: process.stdin }).on("line", (line) => void obey(JSON.parse(line))).on("close", () => process.exit(0));
