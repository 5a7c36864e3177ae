/** The client: one session that comes back by itself, and the subscriptions and commands that outlive its connections. */

import type { BackoffOptions } from "./backoff.ts";
import { type Begun, Calls, type CallOptions, type Handler } from "./calls.ts";
import type { Transport } from "./carrier.ts";
import { type Codec, json } from "./codec.ts";
import { Connection, type State, type StateChange, type Token } from "./connection.ts";
import { Emitter } from "./emitter.ts";
import { defaultEnvironment, defaultMemory, type Environment, endpoint, type Memory, type SocketMaker } from "./environment.ts";
import { EverywireError } from "./errors.ts";
import type { PublishOptions, SubscribeOptions, SubscriptionHost } from "./following.ts";
import { Ladder } from "./ladder.ts";
import { type RequestOptions, Requests } from "./requests.ts";
import { Subscription } from "./subscription.ts";
import { isPattern, matcher } from "./wildcards.ts";
import type { Command, Connected, Failed, Position, ServerEvent, Subscribed, Told } from "./wire.ts";

export interface ClientEvents {
  state: StateChange;
  /** `resumed`: the server still had our session, and nobody saw us leave. */
  connected: { session: string; user: string | null; resumed: boolean };
  /** What carries the session now. */
  transport: Transport;
  /** The server subscribed us to a channel. */
  subscription: Subscription;
  /** How many commands wait for their answer. */
  queued: number;
  /** The client is closed for good, because of this. */
  error: EverywireError;
}

export interface ClientOptions {
  /**
   * Who we are; a function is asked at each try, and before the token expires, so that it can be renewed. Where it throws or
   * rejects, that try has failed and another follows; an `EverywireError` that is not `temporary` ends the client instead.
   */
  token?: Token;
  /** What others see of us in presence; JSON, ≤ 1 kB. */
  info?: unknown;
  /** What may carry the session, best first; "websocket", "stream", "sse", "poll", "interval" unless configured. */
  transports?: readonly Transport[];
  /** Where it is kept for a day which transport works: the page's localStorage, in Node a place that lasts as long as the process. */
  memory?: Memory;
  /** Where the session waits while a page is loaded again, as sessionStorage: the next page goes on with it, and nobody sees us leave. */
  store?: Memory;
  /** How messages are encoded; JSON unless another is handed in, as that of `everywire/msgpack`. */
  codec?: Codec;
  WebSocket?: SocketMaker;
  backoff?: BackoffOptions;
  /** How many unanswered commands may wait; the next one fails with "queue-full". */
  maxQueue?: number;
  /** With "drop_oldest" it is the oldest publication that fails then, of those that were not sent yet. */
  overflow?: "reject" | "drop_oldest";
  /** Ms that a try may take, from dialling to the server's welcome. */
  openTimeout?: number;
  /** Ms that `call`, `presence` and each page of `history` wait for their answer, reconnecting included. */
  answerTimeout?: number;
  environment?: Partial<Environment>;
}

/**
 * Invariants: commands reach the server in the order in which they were made; a publication that is not ephemeral is either
 * confirmed or its promise is rejected; each channel has one subscription at most.
 */
export class Client extends Emitter<ClientEvents> {
  readonly url: string;
  readonly #environment: Environment;
  readonly #connection: Connection;
  readonly #requests: Requests;
  readonly #calls: Calls;
  readonly #answerTimeout: number;
  readonly #subscriptions = new Map<string, Subscription>();
  /** Those with wildcards, and what they hear. */
  readonly #patterns = new Map<Subscription, (channel: string) => boolean>();
  readonly #subscribing = new Map<number, Subscription>();
  /** Channels left, which the server has not confirmed: a resumed session may still hold them. With the id of the command that says so. */
  readonly #left = new Map<string, number>();
  readonly #keys: string;

  constructor(url: string, options: ClientOptions = {}) {
    super();
    const { WebSocket, environment: given, maxQueue = 1000, overflow = "reject", codec = json, answerTimeout = 10_000 } = options;
    const environment = defaultEnvironment({ ...given, ...(WebSocket && { WebSocket }) });
    this.url = endpoint(url);
    this.#environment = environment;
    this.#answerTimeout = answerTimeout;
    this.#requests = new Requests(environment, codec, { limit: maxQueue, overflow, changed: () => this.emit("queued", this.queued) });
    this.#keys = unguessable();
    this.#connection = new Connection(
      {
        url: this.url,
        token: options.token,
        info: options.info,
        backoff: options.backoff ?? {},
        openTimeout: options.openTimeout ?? 10_000,
        codec,
        environment,
        ladder: new Ladder(this.url, options.transports, environment, options.memory ?? defaultMemory()),
        store: options.store,
      },
      {
        welcomed: (event, moved) => this.#welcomed(event, moved),
        heard: (event) => this.#heard(event),
        lost: (code) => this.#lost(code),
        changed: (change) => this.emit("state", change),
        finished: (error) => this.#requests.failAll(error),
        ended: (error) => this.emit("error", error),
        idle: () => !this.#requests.size && !this.#calls.busy,
        transport: (transport) => this.emit("transport", transport),
      },
    );
    this.#calls = new Calls({
      nextId: () => this.#connection.nextId(),
      request: (command, how) => this.#send(command, how),
      say: (remark) => this.#connection.remark(remark),
      answerTimeout,
    });
  }

  get state(): State {
    return this.#connection.state;
  }

  /** The session's public id, as others see it in presence; null before the first welcome. */
  get session(): string | null {
    return this.#connection.session;
  }

  /** Whom the server takes us for; null when nobody in particular. */
  get user(): string | null {
    return this.#connection.user;
  }

  /** What carries the session, or carried it last; null before the first welcome. */
  get transport(): Transport | null {
    return this.#connection.transport;
  }

  /** How many commands wait for their answer. */
  get queued(): number {
    return this.#requests.size;
  }

  /**
   * Connects, and stays so until `close()`; between two tries it tries at once. Resolves at the next welcome, rejects when the
   * client closes before it, or with "timeout" after `timeout` ms: that says where to and why not, and it goes on trying.
   */
  connect({ timeout }: { timeout?: number } = {}): Promise<void> {
    this.#connection.connect();
    const done = this.#welcome(timeout);
    done.catch(() => undefined); // who does not wait for it hears of the end by the `error` event
    return done;
  }

  /** Says goodbye and fails what is unanswered with "closed". Subscriptions are kept for another `connect()`. */
  close(): void {
    if (this.state === "closed") return;
    this.#connection.finish(new EverywireError("closed", "the client was closed"));
    this.#left.clear();
  }

  /**
   * Follows `channel`, now and after every reconnection. One subscription per channel: a second one throws. Where the server allows
   * it, `channel` may have wildcards: `room:*`, `room:>`.
   */
  subscribe<T = unknown>(channel: string, options: SubscribeOptions<T> = {}): Subscription<T> {
    if (this.#subscriptions.has(channel)) throw new Error(`already subscribed to ${channel}`);
    const subscription = this.#begin(channel, options);
    this.#follow(subscription);
    return subscription;
  }

  /** The subscription to `channel`, also where the server began it. */
  subscription<T = unknown>(channel: string): Subscription<T> | undefined {
    return this.#subscriptions.get(channel) as unknown as Subscription<T> | undefined;
  }

  /** As `subscription.publish`, without following the channel. */
  async publish(channel: string, data: unknown, { ephemeral, key, ...options }: PublishOptions = {}): Promise<Position | null> {
    if (ephemeral && !this.#connection.ready && this.state !== "closed") throw new EverywireError("not-connected", "there is no connection to publish on", true);
    const id = this.#connection.nextId();
    const once = ephemeral ? { ephemeral } : { key: key ?? `${this.#keys}-${id}` };
    const command: Command & { id: number } = { type: "publish", id, channel, data, ...once, ...options };
    const { epoch, offset } = (await this.#send(command, { repeatable: !ephemeral, fleeting: ephemeral })) as Partial<Position>;
    return epoch === undefined || offset === undefined ? null : { epoch, offset };
  }

  /** Calls a handler of the server by name. It is never said twice: a connection lost before the answer rejects it. */
  call<Result = unknown>(name: string, data?: unknown, options: CallOptions = {}): Promise<Result> {
    return this.#calls.call(name, data, options) as Promise<Result>;
  }

  /** Begins a call that may have streams: see `streams.ts`. @internal */
  begin(...how: Parameters<Calls["begin"]>): Begun {
    return this.#calls.begin(...how);
  }

  /** Answers the server's calls of `name`, with what `handler` gives. Returns a function that ends it. */
  handle(name: string, handler: Handler): () => void {
    return this.#calls.handle(name, handler);
  }

  #send(command: Command & { id: number }, options: RequestOptions): Promise<ServerEvent> {
    if (this.state === "closed") return Promise.reject(new EverywireError("closed", "the client is closed: connect() first"));
    const answer = this.#requests.add(command, options);
    this.#flush();
    return answer;
  }

  #ask<Answer>(command: Command): Promise<Answer> {
    const id = this.#connection.nextId();
    return this.#send({ ...command, id }, { repeatable: true, timeout: this.#answerTimeout }) as Promise<Answer>;
  }

  #welcome(timeout: number | undefined): Promise<void> {
    if (this.state === "connected") return Promise.resolve();
    const { setTimeout, clearTimeout } = this.#environment;
    return new Promise((resolve, reject) => {
      let why = "no answer yet";
      const done = (error?: EverywireError) => {
        stop();
        clearTimeout(timer);
        if (error) reject(error);
        else resolve();
      };
      const stop = this.on("state", ({ state, code = "closed", reason = "" }) => {
        if (state === "connected") done();
        else if (state === "closed") done(new EverywireError(code as "closed", reason));
        else if (state === "waiting") why = reason || `closed with ${code}`;
      });
      const late = () => {
        const { origin, pathname } = new URL(this.url); // what opens something is not for a log
        done(new EverywireError("timeout", `no connection to ${origin}${pathname} within ${timeout} ms: ${why}`, true));
      };
      const timer = timeout === undefined ? undefined : setTimeout(late, timeout);
    });
  }

  // ---- what the server says

  #heard(event: ServerEvent): void {
    switch (event.type) {
      case "subscribed":
        return this.#subscribed(event);
      case "publication":
        return this.#published(event);
      case "passed":
        return this.#subscriptions.get(event.channel)?.passed(event);
      case "join":
        return this.#subscriptions.get(event.channel)?.joined(event.member);
      case "leave":
        return this.#subscriptions.get(event.channel)?.left(event.member);
      case "moved":
        return this.#subscriptions.get(event.channel)?.moved();
      case "unsubscribed":
        return event.id === undefined ? this.#expelled(event.channel, event.reason) : void this.#left.delete(event.channel);
      case "item":
      case "credit":
        return this.#calls.flow(event);
      case "call":
        return void this.#calls.called(event);
      case "cancel":
        return this.#calls.cancelled(event.call);
      case "error":
        return this.#failed(event);
      case "presence":
        if (event.id === undefined) return this.#subscriptions.get(event.channel)?.listed(event.members);
        return this.#answered(event as typeof event & { id: number });
      case "published":
      case "history":
      case "entries":
      case "policy":
      case "result":
      case "end":
        return this.#answered(event);
    }
  }

  #answered(event: ServerEvent & { id: number }): void {
    this.#requests.answer(event);
    this.#flush();
  }

  /** Everything waiting is said before listeners run, so that what they say comes after it. */
  #welcomed({ session, user, resumed }: Connected, moved: boolean): void {
    if (!resumed) this.#left.clear();
    for (const channel of this.#left.keys()) this.#sayLeft(channel);
    for (const subscription of this.#subscriptions.values()) this.#follow(subscription);
    this.#flush();
    if (moved) return; // for the application nothing has changed
    this.emit("state", { state: "connected" });
    this.emit("connected", { session, user, resumed });
  }

  #lost(code: number): void {
    this.#subscribing.clear();
    for (const subscription of this.#subscriptions.values()) subscription.linkLost();
    this.#requests.linkLost(code);
    this.#calls.linkLost();
  }

  #published(event: Told): void {
    this.#subscriptions.get(event.channel)?.published(event as never);
    if (event.delta) return; // it builds on what the channel's own subscription was told; by wildcards it comes whole
    for (const [subscription, hears] of this.#patterns) if (hears(event.channel)) subscription.published(event as never);
  }

  #subscribed(event: Subscribed): void {
    if (event.id !== undefined) return this.#take(event.id, event.more === "follows")?.answered(event);
    const known = this.#subscriptions.get(event.channel);
    if (known?.asked) return; // we have asked ourselves, and from where we are
    const subscription = known ?? this.#begin(event.channel, {});
    if (!known) this.emit("subscription", subscription);
    subscription.answered(event);
  }

  #failed(error: Failed): void {
    for (const [channel, id] of this.#left) if (id === error.id && !error.temporary) this.#left.delete(channel); // it was not there any more
    const subscription = this.#take(error.id);
    if (!subscription) return this.#answered(error);
    if (error.temporary) {
      const again = () => subscription.asked === error.id && subscription.state === "subscribing" && this.#follow(subscription);
      this.#environment.setTimeout(again, subscription.backoff.next());
    } else {
      this.#forget(subscription.channel);
    }
    subscription.failed(error);
  }

  #expelled(channel: string, reason = "the server ended it"): void {
    this.#forget(channel)?.end({ reason });
  }

  // ---- what we say

  #begin<T>(channel: string, options: SubscribeOptions<T>): Subscription<T> {
    const host: SubscriptionHost = {
      follow: () => this.#follow(subscription),
      leave: () => this.#leave(channel),
      publish: (data, how) => this.publish(channel, data, how),
      ask: (command) => this.#ask(command),
    };
    const subscription = new Subscription<T>(channel, options, host, this.#environment.random);
    this.#subscriptions.set(channel, subscription as unknown as Subscription);
    if (isPattern(channel)) this.#patterns.set(subscription as unknown as Subscription, matcher(channel));
    return subscription;
  }

  #follow(subscription: Pick<Subscription, "asked" | "command">): void {
    if (!this.#connection.ready) return;
    subscription.asked = this.#connection.say(subscription.command());
    this.#subscribing.set(subscription.asked, subscription as unknown as Subscription);
  }

  #leave(channel: string): void {
    this.#forget(channel);
    this.#left.set(channel, 0);
    if (this.#connection.ready) this.#sayLeft(channel);
  }

  #sayLeft(channel: string): void {
    this.#left.set(channel, this.#connection.say({ type: "unsubscribe", channel }));
  }

  #forget(channel: string): Subscription | undefined {
    const subscription = this.#subscriptions.get(channel);
    this.#subscriptions.delete(channel);
    if (subscription) this.#patterns.delete(subscription);
    return subscription;
  }

  #take(id: number, more = false): Subscription | undefined {
    const subscription = this.#subscribing.get(id);
    if (!more) this.#subscribing.delete(id);
    return subscription?.asked === id ? subscription : undefined; // an older question's answer would confuse its position
  }

  #flush(): void {
    if (this.#connection.ready) this.#requests.flush((payload) => this.#connection.send(payload));
  }
}

/** The part of our idempotency keys that nobody else can have: a guessed key would let others swallow a publication. */
function unguessable(): string {
  return crypto.getRandomValues(new Uint32Array(3)).join("-");
}
