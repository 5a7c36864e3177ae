/** The client: one connection that comes back by itself, and the subscriptions and commands that outlive it. */

import { Backoff, type BackoffOptions } from "./backoff.ts";
import { Emitter } from "./emitter.ts";
import { defaultEnvironment, type Environment, type SocketMaker, socketUrl } from "./environment.ts";
import { EverywireError } from "./errors.ts";
import { Link } from "./link.ts";
import { Requests } from "./requests.ts";
import { type PublishOptions, type SubscribeOptions, Subscription, type SubscriptionHost } from "./subscription.ts";
import { ABNORMAL, type Command, type Connected, type Failed, mayReconnect, NORMAL, type Position, type ServerEvent } from "./wire.ts";

/** "waiting" is between two tries; "closed" is before `connect()`, after `close()`, and when the server said no for good. */
export type State = "connecting" | "connected" | "waiting" | "closed";

export interface StateChange {
  state: State;
  /** Ms until the next try, when "waiting". */
  delay?: number;
  /** Why the last connection ended: its close code and reason. */
  code?: number | string;
  reason?: string;
  /** What the token's function threw, where that is why. */
  error?: unknown;
}

export interface ClientEvents {
  state: StateChange;
  /** `resumed`: the server still had our session, and nobody saw us leave. */
  connected: { session: string; user: string | null; resumed: boolean };
  /** The client is closed for good, because of this. */
  error: EverywireError;
}

export interface ClientOptions {
  /**
   * Who we are; a function is asked at each try, so that it can be renewed. Where it throws or rejects, that try has failed and
   * another follows; an `EverywireError` that is not `temporary` ends the client instead.
   */
  token?: string | (() => string | Promise<string>);
  /** What others see of us in presence; JSON, ≤ 1 kB. */
  info?: unknown;
  WebSocket?: SocketMaker;
  backoff?: BackoffOptions;
  /** How many unanswered commands may wait; the next one fails with "queue-full". */
  maxQueue?: number;
  /** Ms that a try may take, from dialling to the server's welcome. */
  openTimeout?: number;
  /** Ms that `call`, `presence` and each page of `history` wait for their answer, reconnecting included. */
  answerTimeout?: number;
  environment?: Partial<Environment>;
}

/**
 * Invariants: at most one link; commands reach the server in the order in which they were made; a publication that is
 * not ephemeral is either confirmed or its promise is rejected.
 */
export class Client extends Emitter<ClientEvents> {
  readonly url: string;
  readonly #options: ClientOptions;
  readonly #environment: Environment;
  readonly #backoff: Backoff;
  readonly #requests: Requests;
  readonly #subscriptions = new Map<string, Subscription<never>>();
  readonly #subscribing = new Map<number, Subscription<never>>();
  /** Channels left while no link was there to say so: a resumed session still holds them. */
  readonly #left = new Set<string>();
  readonly #keys: string;
  #state: State = "closed";
  #link: Link | null = null;
  #ready = false;
  #hello = 0;
  #resume: string | undefined;
  #session: string | null = null;
  #user: string | null = null;
  #lastId = 0;
  #tries = 0;
  #stableTimer: unknown;
  #retryTimer: unknown;
  #stopWake: () => void = () => undefined;

  constructor(url: string, options: ClientOptions = {}) {
    super();
    const { WebSocket, environment, backoff = {}, maxQueue = 1000 } = options;
    this.url = socketUrl(url);
    this.#options = options;
    this.#environment = defaultEnvironment({ ...environment, ...(WebSocket && { WebSocket }) });
    this.#backoff = new Backoff(backoff, this.#environment.random);
    this.#requests = new Requests(this.#environment, maxQueue);
    this.#keys = unguessable();
  }

  get state(): State {
    return this.#state;
  }

  /** The session's public id, as others see it in presence; null before the first welcome. */
  get session(): string | null {
    return this.#session;
  }

  /** Whom the server takes us for; null when nobody in particular. */
  get user(): string | null {
    return this.#user;
  }

  /** How many commands wait for their answer. */
  get queued(): number {
    return this.#requests.size;
  }

  /**
   * Connects, and stays so until `close()`; between two tries it tries at once. Resolves at the next welcome, rejects when the
   * client closes before it.
   */
  connect(): Promise<void> {
    if (this.#state === "closed") {
      this.#backoff.reset();
      this.#stopWake = this.#environment.onWake(() => this.#wake());
      this.#open();
    } else if (this.#state === "waiting") {
      this.#wake();
    }
    const done = this.#welcome();
    done.catch(() => undefined); // who does not wait for it hears of the end by the `error` event
    return done;
  }

  /** Says goodbye and fails what is unanswered with "closed". Subscriptions are kept for another `connect()`. */
  close(): void {
    if (this.#state !== "closed") this.#finish(new EverywireError("closed", "the client was closed"));
  }

  /** Follows `channel`, now and after every reconnection. One subscription per channel: a second one throws. */
  subscribe<T = unknown>(channel: string, options: SubscribeOptions<T> = {}): Subscription<T> {
    if (this.#subscriptions.has(channel)) throw new Error(`already subscribed to ${channel}`);
    const host: SubscriptionHost = {
      follow: () => this.#follow(subscription),
      leave: () => this.#leave(channel),
      publish: (data, how) => this.publish(channel, data, how),
      ask: (command) => this.#ask(command),
    };
    const subscription = new Subscription<T>(channel, options, host, this.#environment.random);
    this.#subscriptions.set(channel, subscription as Subscription<never>);
    this.#follow(subscription);
    return subscription;
  }

  /** As `subscription.publish`, without following the channel. */
  async publish(channel: string, data: unknown, { ephemeral, key }: PublishOptions = {}): Promise<Position | null> {
    if (ephemeral && !this.#ready) throw new EverywireError("not-connected", "there is no connection to publish on", true);
    const once: Command = ephemeral
      ? { type: "publish", channel, data, ephemeral }
      : { type: "publish", channel, data, key: key ?? `${this.#keys}-${this.#lastId}` };
    const { epoch, offset } = await this.#request<Partial<Position>>(once, { repeatable: !ephemeral });
    return epoch === undefined || offset === undefined ? null : { epoch, offset };
  }

  /** Calls a handler of the server by name. It is never said twice: a connection lost before the answer rejects it. */
  async call<Result = unknown>(name: string, data?: unknown): Promise<Result> {
    const timeout = this.#options.answerTimeout ?? 10_000;
    return (await this.#request<{ data: Result }>({ type: "call", name, data }, { repeatable: false, timeout })).data;
  }

  #ask<Answer>(command: Command): Promise<Answer> {
    return this.#request(command, { repeatable: true, timeout: this.#options.answerTimeout ?? 10_000 });
  }

  #request<Answer>(command: Command, options: { repeatable: boolean; timeout?: number }): Promise<Answer> {
    if (this.#state === "closed") return Promise.reject(new EverywireError("closed", "the client is closed"));
    const answer = this.#requests.add({ ...command, id: this.#nextId() }, options);
    this.#flush();
    return answer as Promise<Answer>;
  }

  // ---- one try after another

  #open(): void {
    const { token } = this.#options;
    const attempt = ++this.#tries;
    this.#become({ state: "connecting" });
    if (typeof token !== "function") return this.#dial(token);
    const { openTimeout = 10_000 } = this.#options;
    const timer = this.#environment.setTimeout(() => done(() => this.#noToken(new Error("it takes too long"))), openTimeout);
    const done = (next: () => void) => {
      this.#environment.clearTimeout(timer);
      if (attempt === this.#tries && this.#state === "connecting") next();
    };
    Promise.resolve()
      .then(token)
      .then(
        (value) => done(() => this.#dial(value)),
        (error) => done(() => this.#noToken(error)),
      );
  }

  /** Only an error that says that it is final ends the client. */
  #noToken(error: unknown): void {
    if (error instanceof EverywireError && !error.temporary) return this.#finish(error);
    this.#down(ABNORMAL, `no token: ${error instanceof Error ? error.message || error.name : error}`, error);
  }

  #dial(token: string | undefined): void {
    const { info, openTimeout = 10_000 } = this.#options;
    const link = new Link(this.url, this.#environment, {
      opened: () => {
        this.#hello = this.#nextId();
        link.send(JSON.stringify({ type: "connect", id: this.#hello, token, info, resume: this.#resume }));
      },
      heard: (event) => this.#heard(event),
      down: (code, reason) => this.#down(code, reason),
    });
    this.#link = link;
    link.expect(openTimeout);
  }

  #down(code: number, reason: string, error?: unknown): void {
    this.#dropLink(code);
    if (!mayReconnect(code)) return this.#finish(new EverywireError(code, reason || `the server closed with ${code}`));
    const delay = this.#backoff.next();
    this.#retryTimer = this.#environment.setTimeout(() => this.#open(), delay);
    this.#become({ state: "waiting", delay, code, reason, ...(error !== undefined && { error }) });
  }

  #dropLink(code: number): void {
    this.#link = null;
    this.#ready = false;
    this.#environment.clearTimeout(this.#stableTimer);
    this.#subscribing.clear();
    for (const subscription of this.#subscriptions.values()) subscription.linkLost();
    this.#requests.linkLost(code);
  }

  #finish(error: EverywireError): void {
    this.#requests.failAll(error);
    this.#link?.close();
    this.#dropLink(NORMAL);
    this.#environment.clearTimeout(this.#retryTimer);
    this.#stopWake();
    this.#resume = undefined;
    this.#left.clear();
    this.#become({ state: "closed", code: error.code, reason: error.message });
    if (error.code !== "closed") this.emit("error", error);
  }

  #wake(): void {
    if (this.#state === "connected") this.#link?.probe(this.#nextId());
    if (this.#state !== "waiting") return;
    this.#environment.clearTimeout(this.#retryTimer);
    this.#open();
  }

  #become(change: StateChange): void {
    this.#state = change.state;
    this.emit("state", change);
  }

  #welcome(): Promise<void> {
    if (this.#state === "connected") return Promise.resolve();
    return new Promise((resolve, reject) => {
      const stop = this.on("state", ({ state, code = "closed", reason = "closed" }) => {
        if (state !== "connected" && state !== "closed") return;
        stop();
        if (state === "connected") resolve();
        else reject(new EverywireError(code as "closed", reason));
      });
    });
  }

  // ---- what the server says

  #heard(event: ServerEvent): void {
    switch (event.type) {
      case "connected":
        return this.#welcomed(event);
      case "subscribed":
        return this.#take(event.id, event.more === "follows")?.answered(event);
      case "publication":
        return this.#subscriptions.get(event.channel)?.published(event as never);
      case "join":
        return this.#subscriptions.get(event.channel)?.joined(event.member);
      case "leave":
        return this.#subscriptions.get(event.channel)?.left(event.member);
      case "moved":
        return this.#subscriptions.get(event.channel)?.moved();
      case "unsubscribed":
        return event.id === undefined ? this.#expelled(event.channel, event.reason) : undefined;
      case "error":
        return this.#failed(event);
      case "published":
      case "history":
      case "presence":
      case "result":
        return this.#answered(event);
    }
  }

  #answered(event: ServerEvent & { id: number }): void {
    this.#requests.answer(event);
    this.#flush();
  }

  /** Everything waiting is said before listeners run, so that what they say comes after it. */
  #welcomed({ session, user, resume, resumed, heartbeat }: Connected): void {
    this.#session = session;
    this.#user = user;
    this.#resume = resume;
    this.#ready = true;
    this.#link?.watch(heartbeat);
    // Only a connection that lasts makes the next wait short again; a server that dies at each welcome is left in peace.
    this.#stableTimer = this.#environment.setTimeout(() => this.#backoff.reset(), 5_000);
    if (resumed) for (const channel of this.#left) this.#say({ type: "unsubscribe", channel });
    this.#left.clear();
    for (const subscription of this.#subscriptions.values()) this.#follow(subscription);
    this.#flush();
    this.#become({ state: "connected" });
    this.emit("connected", { session, user, resumed });
  }

  #failed(error: Failed): void {
    if (error.id === this.#hello) {
      if (error.temporary) return this.#link?.fail(error.reason);
      return this.#finish(new EverywireError(error.code, error.reason));
    }
    const subscription = this.#take(error.id);
    if (!subscription) return this.#answered(error);
    if (error.temporary) {
      const again = () => subscription.asked === error.id && subscription.state === "subscribing" && this.#follow(subscription);
      this.#environment.setTimeout(again, subscription.backoff.next());
    } else {
      this.#subscriptions.delete(subscription.channel);
    }
    subscription.failed(error);
  }

  #expelled(channel: string, reason = "the server ended it"): void {
    const subscription = this.#subscriptions.get(channel);
    this.#subscriptions.delete(channel);
    subscription?.end({ reason });
  }

  // ---- what we say

  #follow(subscription: Subscription<never> | Subscription<unknown>): void {
    if (!this.#ready) return;
    subscription.asked = this.#say(subscription.command());
    this.#subscribing.set(subscription.asked, subscription as Subscription<never>);
  }

  #leave(channel: string): void {
    this.#subscriptions.delete(channel);
    if (this.#ready) this.#say({ type: "unsubscribe", channel });
    else this.#left.add(channel);
  }

  #take(id: number, more = false): Subscription<never> | undefined {
    const subscription = this.#subscribing.get(id);
    if (!more) this.#subscribing.delete(id);
    return subscription?.asked === id ? subscription : undefined; // an older question's answer would confuse its position
  }

  #say(command: Command): number {
    const id = this.#nextId();
    this.#link?.send(JSON.stringify({ ...command, id }));
    return id;
  }

  #flush(): void {
    if (this.#ready) this.#requests.flush((text) => this.#link?.send(text));
  }

  #nextId(): number {
    this.#lastId += 1;
    return this.#lastId;
  }
}

/** The part of our idempotency keys that nobody else can have: a guessed key would let others swallow a publication. */
function unguessable(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(12));
  return Array.from(bytes, (byte) => byte.toString(36).padStart(2, "0")).join("");
}
