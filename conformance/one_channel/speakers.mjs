/**
 * One client of each kind, all with the same few words, in Node and in a page alike: `open`, `publish`, `until`, `history`, `presence`,
 * `add`, `close`. `parts` are the packages, as they come from npm.
 */

const OWN = "everywire:";

/** What all have in common: what was heard, in its order. */
class Speaker {
  heard = [];
  #waiting = [];

  constructor({ who, url, channel, options = {} }, parts) {
    Object.assign(this, { who, url, channel, options, parts });
  }

  hear({ who, n }) {
    this.heard.push([who, n]);
    const woken = this.#waiting.filter(({ count }) => count <= this.heard.length);
    this.#waiting = this.#waiting.filter((one) => !woken.includes(one));
    for (const { done } of woken) done();
  }

  /** Publish the numbers from 1 to `count`, one after the other; each is there when the next is said. */
  async publish({ count }) {
    for (let n = 1; n <= count; n += 1) await this.say({ who: this.who, n });
    return {};
  }

  /** Wait until `count` publications were heard, or for `patience` seconds; gives all that there are. */
  async until({ count, patience }) {
    if (this.heard.length < count) {
      await new Promise((done) => {
        this.#waiting.push({ count, done });
        setTimeout(done, patience * 1000);
      });
    }
    return { heard: this.heard };
  }

  /** What the channel keeps, page by page. */
  async history() {
    const heard = [];
    for (let page = await this.ask("history", {}); page.publications.length; ) {
      heard.push(...page.publications.map(({ data }) => [data.who, data.n]));
      const since = { epoch: page.epoch, offset: page.publications.at(-1).offset };
      page = await this.ask("history", { since });
    }
    return { heard };
  }

  /** Who is there, and what each speaks. */
  async presence() {
    const { members } = await this.ask("presence", {});
    return { members: Object.fromEntries(members.map(({ user, dialect = "native" }) => [user, dialect])) };
  }
}

/** Our own client. */
class Everywire extends Speaker {
  async open() {
    const { transport, packed } = this.options;
    const { Client, msgpack } = this.parts;
    this.client = new Client(`${this.url}/everywire`, {
      token: this.who,
      memory: { getItem: () => null, setItem: () => {}, removeItem: () => {} },
      ...(transport && { transports: [transport] }),
      ...(packed && { codec: msgpack }),
    });
    await this.client.connect({ timeout: 20_000 });
    this.subscription = this.client.subscribe(this.channel, { onPublication: ({ data }) => this.hear(data) });
    await new Promise((done) => this.subscription.on("subscribed", done));
    return { transport: this.client.transport };
  }

  say(data) {
    return this.subscription.publish(data);
  }

  async ask(what, options) {
    return what === "history" ? this.subscription.history(options) : { members: await this.subscription.presence() };
  }

  async add({ one, other }) {
    return { sum: await this.client.call("add", { one, other }) };
  }

  close() {
    this.client.close();
    return {};
  }
}

/** Whoever writes the native wire by hand, over anything that carries texts. */
class ByHand extends Speaker {
  #answers = new Map();
  #asked = 0;

  async open() {
    const carrier = this.carrier();
    this.line = carrier;
    carrier.onmessage = ({ data }) => this.#read(JSON.parse(data));
    await new Promise((done, fail) => {
      carrier.onopen = done;
      carrier.onclose = ({ code, reason }) => fail(new Error(`closed: ${code} ${reason}`));
    });
    await this.#command({ type: "connect", token: this.who });
    await this.#command({ type: "subscribe", channel: this.channel });
    return { transport: carrier.transport };
  }

  #command(said) {
    const id = ++this.#asked;
    return new Promise((done, fail) => {
      this.#answers.set(id, { done, fail });
      this.line.send(JSON.stringify({ ...said, id }));
    });
  }

  #read(said) {
    if (said.type === "publication") return this.hear(said.data);
    if (said.type === "ping") return this.line.send('{"type":"pong"}');
    const waiting = this.#answers.get(said.id);
    this.#answers.delete(said.id);
    return said.type === "error" ? waiting?.fail(new Error(said.reason)) : waiting?.done(said);
  }

  say(data) {
    return this.#command({ type: "publish", channel: this.channel, data });
  }

  ask(type, options) {
    return this.#command({ type, channel: this.channel, ...options });
  }

  async add({ one, other }) {
    return { sum: (await this.#command({ type: "call", name: "add", data: { one, other } })).data };
  }

  close() {
    this.line.onclose = null;
    this.line.close();
    return {};
  }
}

/** A WebSocket and nothing else. */
class Plain extends ByHand {
  carrier() {
    return new this.parts.WebSocket(`${this.url.replace("http", "ws")}/everywire`, "everywire.v1.json");
  }
}

class SockJS extends ByHand {
  carrier() {
    return new this.parts.SockJS(`${this.url}/sockjs`, null, { transports: this.options.transport });
  }
}

class SocketIO extends Speaker {
  async open() {
    const { transports, packed } = this.options;
    const more = packed && { parser: this.parts.packedParser };
    this.socket = this.parts.io(this.url, { transports, auth: { token: this.who }, forceNew: true, ...more });
    this.socket.on(this.channel, (data) => this.hear(data));
    await new Promise((done, fail) => this.socket.on("connect", done).on("connect_error", fail));
    const { engine } = this.socket.io;
    if (transports.length > 1 && engine.transport.name !== transports[1]) await new Promise((done) => engine.once("upgrade", done));
    await this.ask("subscribe", {});
    return { transport: engine.transport.name };
  }

  say(data) {
    return this.ask("publish", { data });
  }

  async ask(what, options) {
    const answer = await this.socket.timeout(20_000).emitWithAck(`${OWN}${what}`, { channel: this.channel, ...options });
    if (answer.error) throw new Error(answer.error.message);
    return answer;
  }

  async add({ one, other }) {
    return { sum: await this.socket.emitWithAck("add", one, other) };
  }

  close() {
    this.socket.disconnect();
    return {};
  }
}

class SignalR extends Speaker {
  async open() {
    const { signalR, PackedProtocol } = this.parts;
    const transport = signalR.HttpTransportType[this.options.transport];
    const builder = new signalR.HubConnectionBuilder()
      .withUrl(`${this.url}/hub`, { transport, accessTokenFactory: () => this.who })
      .configureLogging(signalR.LogLevel.None);
    this.connection = (this.options.packed ? builder.withHubProtocol(new PackedProtocol()) : builder).build();
    this.connection.on(this.channel, (data) => this.hear(data));
    await this.connection.start();
    await this.ask("subscribe", {});
    return { transport: this.options.transport };
  }

  say(data) {
    return this.ask("publish", { data });
  }

  ask(what, options) {
    return this.connection.invoke(`${OWN}${what}`, { channel: this.channel, ...options });
  }

  async add({ one, other }) {
    return { sum: await this.connection.invoke("add", one, other) };
  }

  async close() {
    await this.connection.stop();
    return {};
  }
}

const KINDS = { everywire: Everywire, plain: Plain, sockjs: SockJS, socketio: SocketIO, signalr: SignalR };

const speakers = new Map();

/** Do as `said` wants: `open` makes a client of this `kind`, everything else is one's own. */
export async function obey({ do: what, ...said }, parts) {
  if (what === "open") speakers.set(said.who, new KINDS[said.kind](said, parts));
  return speakers.get(said.who)[what](said);
}
