/** A clock that moves when told, and a WebSocket whose other end is the test. */

import type { Payload } from "../src/codec.ts";
import type { Environment, Socket } from "../src/environment.ts";
import { Client, type ClientOptions } from "../src/index.ts";

interface Timer {
  at: number;
  run: () => void;
}

export class FakeWorld {
  time = 0;
  chance = 1;
  sockets: FakeSocket[] = [];
  wake: () => void = () => undefined;
  #timers = new Map<number, Timer>();
  #last = 0;

  get environment(): Partial<Environment> {
    const world = this;
    return {
      WebSocket: class extends FakeSocket {
        constructor(url: string, protocols: string[]) {
          super(url, protocols);
          world.sockets.push(this);
        }
      },
      fetch: undefined,
      EventSource: undefined,
      now: () => this.time,
      random: () => this.chance,
      setTimeout: (run, delay) => {
        this.#timers.set(++this.#last, { at: this.time + delay, run });
        return this.#last;
      },
      clearTimeout: (timer) => void this.#timers.delete(timer as number),
      onHide: () => () => undefined,
      onWake: (wake) => {
        this.wake = wake;
        return () => {
          this.wake = () => undefined;
        };
      },
    };
  }

  /** Lets `ms` pass, ringing every timer at its own time. */
  advance(ms: number): void {
    const end = this.time + ms;
    for (;;) {
      const due = [...this.#timers].filter(([, { at }]) => at <= end).sort(([, one], [, other]) => one.at - other.at)[0];
      if (!due) break;
      this.#timers.delete(due[0]);
      this.time = Math.max(this.time, due[1].at);
      due[1].run();
    }
    this.time = end;
  }

  /** As `advance`, but promises run on before each timer and after the last. */
  async pass(ms: number): Promise<void> {
    const end = this.time + ms;
    for (;;) {
      await settled();
      const next = Math.min(...[...this.#timers.values()].map(({ at }) => at));
      if (next > end) break;
      this.advance(Math.max(0, next - this.time));
    }
    this.advance(end - this.time);
    await settled();
  }

  get socket(): FakeSocket {
    const socket = this.sockets.at(-1);
    if (!socket) throw new Error("no socket was opened");
    return socket;
  }

  client(options: ClientOptions = {}): Client {
    return new Client("ws://test/everywire", { environment: this.environment, ...options });
  }

  /** A client that is connected, with the socket it is connected by. */
  connected(options: ClientOptions = {}): Client {
    const client = this.client(options);
    void client.connect();
    this.welcome();
    return client;
  }

  /** Opens the latest socket and welcomes the client. */
  welcome(fields: object = {}): FakeSocket {
    this.socket.open();
    const { id } = this.socket.take("connect");
    this.socket.say({ ...WELCOME, id, ...fields });
    return this.socket;
  }

  /** Cuts the link and waits for the next try, which is welcomed. */
  reconnect(fields: object = {}): FakeSocket {
    const { length } = this.sockets;
    this.socket.drop();
    while (this.sockets.length === length) this.advance(50);
    return this.welcome(fields);
  }
}

/** Lets promises that are already settled run on. */
export async function settled(): Promise<void> {
  for (let n = 0; n < 3; n += 1) await new Promise((resolve) => setImmediate(resolve));
}

export const WELCOME = {
  type: "connected",
  session: "s1",
  user: null,
  resume: "secret",
  resumed: false,
  heartbeat: { every: 100_000, patience: 10_000 },
};

// biome-ignore lint/suspicious/noExplicitAny: a test reads whatever the client sent
type Sent = any;

export class FakeSocket implements Socket {
  readyState = 0;
  binaryType = "blob";
  onopen: Socket["onopen"] = null;
  onmessage: Socket["onmessage"] = null;
  onclose: Socket["onclose"] = null;
  onerror: Socket["onerror"] = null;
  closedWith: number | undefined;
  sent: Sent[] = [];
  readonly url: string;
  readonly protocols: string[];

  constructor(url: string, protocols: string[]) {
    this.url = url;
    this.protocols = protocols;
  }

  send(data: Payload): void {
    this.sent.push(JSON.parse(data as string));
  }

  close(code?: number): void {
    this.closedWith = code;
    this.readyState = 2;
  }

  open(): void {
    this.readyState = 1;
    this.onopen?.({} as never);
  }

  say(event: object): void {
    this.onmessage?.({ data: JSON.stringify(event) } as never);
  }

  drop(code = 1006, reason = ""): void {
    this.readyState = 3;
    this.onclose?.({ code, reason } as never);
  }

  /** The first command of this type that was not taken yet. */
  take(type: string): Sent {
    const index = this.sent.findIndex((command) => command.type === type);
    if (index < 0) throw new Error(`no ${type} was sent`);
    return this.sent.splice(index, 1)[0];
  }

  /** Answers the next subscribe of `channel`. */
  subscribed(channel: string, fields: object = {}): Sent {
    const command = this.take("subscribe");
    this.say({ type: "subscribed", id: command.id, channel, epoch: "e", offset: 0, recovered: false, publications: [], ...fields });
    return command;
  }

  publication(channel: string, offset: number | undefined, data: unknown): void {
    this.say({ type: "publication", channel, offset, data, time: 1 });
  }
}
