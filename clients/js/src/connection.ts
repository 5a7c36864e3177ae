/** The connection as a whole: one try after another, over the best transport that gets through, as one session. */

import { Backoff, type BackoffOptions } from "./backoff.ts";
import type { CarrierOwner, Transport } from "./carrier.ts";
import type { Codec } from "./codec.ts";
import type { Environment, Memory } from "./environment.ts";
import { EverywireError } from "./errors.ts";
import type { Ladder } from "./ladder.ts";
import { Line } from "./line.ts";
import { Link } from "./link.ts";
import { SocketCarrier } from "./socket.ts";
import { ABNORMAL, type Command, type Connected, EXPIRED, mayReconnect, NORMAL, type Remark, type ServerEvent } from "./wire.ts";

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

export type Token = string | (() => string | Promise<string>) | undefined;

export interface ConnectionOptions {
  url: string;
  token: Token;
  info: unknown;
  backoff: BackoffOptions;
  openTimeout: number;
  codec: Codec;
  environment: Environment;
  ladder: Ladder;
  /** Where the session waits while the page is loaded again. */
  store: Memory | undefined;
}

export interface ConnectionOwner {
  /** The session is there, `ready` is true; `moved`: it is the one that was there, over another transport. */
  welcomed(event: Connected, moved: boolean): void;
  heard(event: ServerEvent): void;
  /** The link is gone, with all that was under way on it; `code` says why. */
  lost(code: number): void;
  changed(change: StateChange): void;
  /** It is over for good: said before the state changes, and, where it was not `close()`, afterwards. */
  finished(error: EverywireError): void;
  ended(error: EverywireError): void;
  /** Nothing is under way that a change of transports would cut. */
  idle(): boolean;
  transport(transport: Transport): void;
}

/** Ms that a WebSocket may take to open while there is something else to try. */
const PATIENCE = 2_000;
const LONGEST_TIMER = 2 ** 31 - 1;

/**
 * Invariants: at most one link carries the session, at most one more is being tried; what is heard comes from the first alone;
 * ids rise and are never given twice.
 */
export class Connection {
  state: State = "closed";
  /** Commands may be said. */
  ready = false;
  session: string | null = null;
  user: string | null = null;
  transport: Transport | null = null;
  readonly #options: ConnectionOptions;
  readonly #owner: ConnectionOwner;
  readonly #backoff: Backoff;
  readonly #refreshing: Backoff;
  #link: Link | null = null;
  /** A better link that is being tried. */
  #candidate: Link | null = null;
  /** What is left to try in this round, and what is tried now. */
  #round: Transport[] = [];
  #trying: Transport = "websocket";
  #hello = 0;
  #refresh = 0;
  #resume: string | undefined;
  /** The session goes on over another transport: the server must know it. */
  #moving = false;
  #lastId = 0;
  #tries = 0;
  #stableTimer: unknown;
  #retryTimer: unknown;
  #climbTimer: unknown;
  #refreshTimer: unknown;
  #stops: (() => void)[] = [];

  constructor(options: ConnectionOptions, owner: ConnectionOwner) {
    this.#options = options;
    this.#owner = owner;
    const { random } = options.environment;
    this.#backoff = new Backoff(options.backoff, random);
    this.#refreshing = new Backoff({ base: 1_000 }, random);
  }

  connect(): void {
    if (this.state === "waiting") return this.#wake();
    if (this.state !== "closed") return;
    const { environment } = this.#options;
    this.#backoff.reset();
    this.#recall();
    this.#stops = [environment.onWake(() => this.#wake()), environment.onHide(() => this.#keep(), () => this.#forget())];
    this.#open();
  }

  say(command: Command): number {
    const id = this.nextId();
    this.#send({ ...command, id });
    return id;
  }

  remark(remark: Remark): void {
    this.#send(remark);
  }

  send(payload: ReturnType<Codec["encode"]>): void {
    this.#link?.send(payload);
  }

  nextId(): number {
    this.#lastId += 1;
    return this.#lastId;
  }

  /** Ends it all, because of `error`. */
  finish(error: EverywireError): void {
    this.#owner.finished(error);
    this.#link?.close();
    this.#drop(NORMAL);
    this.#options.environment.clearTimeout(this.#retryTimer);
    for (const stop of this.#stops) stop();
    this.#resume = undefined;
    this.#become({ state: "closed", code: error.code, reason: error.message });
    if (error.code !== "closed") this.#owner.ended(error);
  }

  #send(command: object): void {
    this.#link?.send(this.#options.codec.encode(command));
  }

  // ---- one try after another

  #open(): void {
    const attempt = ++this.#tries;
    this.#round = this.#options.ladder.round();
    this.#become({ state: "connecting" });
    this.#withToken(
      () => attempt === this.#tries && this.state === "connecting",
      (token) => this.#dial(token),
      (error) => this.#down(ABNORMAL, `no token: ${error instanceof Error ? error.message || error.name : error}`, error),
    );
  }

  /** Asks for the token, and goes on with it as long as it is still `wanted`. Only an error that says that it is final ends the client. */
  #withToken(wanted: () => boolean, use: (token: string | undefined) => void, fail: (error: unknown) => void): void {
    const { token, environment, openTimeout } = this.#options;
    if (typeof token !== "function") return use(token);
    let asked = true;
    const done = (next: () => void) => {
      environment.clearTimeout(timer);
      if (asked && wanted()) next();
      asked = false;
    };
    const failed = (error: unknown) =>
      done(() => (error instanceof EverywireError && !error.temporary ? this.finish(error) : fail(error)));
    const timer = environment.setTimeout(() => failed(new Error("it takes too long")), openTimeout);
    Promise.resolve()
      .then(token)
      .then((value) => done(() => use(value)), failed);
  }

  #dial(token: string | undefined): void {
    const { info, openTimeout } = this.#options;
    const transport = this.#round.shift() as Transport;
    this.#trying = transport;
    const patience = transport === "websocket" && this.#round.length ? Math.min(PATIENCE, openTimeout) : openTimeout;
    const link = this.#carry(transport, {
      opened: () => {
        this.#hello = this.nextId();
        link.expect(Math.min(2 * patience, openTimeout)); // what opens may still swallow what is said
        this.#send({ type: "connect", id: this.#hello, token, info, resume: this.#resume });
      },
      down: (code, reason) => {
        // Whatever stands in the way of one transport may let another through.
        if (this.ready || !this.#round.length || !mayReconnect(code)) return this.#down(code, reason);
        this.#link = null;
        this.#dial(token);
      },
    });
    this.#link = link;
    link.expect(patience);
  }

  #carry(transport: Transport, { opened, down }: Pick<CarrierOwner, "opened" | "down">): Link {
    const { url, environment, codec, ladder } = this.#options;
    const link: Link = new Link(
      environment,
      codec,
      {
        opened,
        down,
        heard: (event) => link === this.#link && this.#heard(event),
        proven: (way) => link === this.#link && this.#proven(way),
      },
      (owner) => {
        const { WebSocket } = environment;
        if (transport === "websocket" && WebSocket) return new SocketCarrier(WebSocket, url, codec.subprotocol, owner);
        return new Line({ url, ways: ladder.ways, first: transport }, environment, owner);
      },
    );
    return link;
  }

  #down(code: number, reason: string, error?: unknown): void {
    const { environment, ladder, token } = this.#options;
    const known = this.ready || this.#moving;
    this.#drop(code);
    // Who has only one token has no newer one to show.
    if (!mayReconnect(code) || (code === EXPIRED && typeof token === "string")) {
      return this.finish(new EverywireError(code, reason || `the server closed with ${code}`));
    }
    if (!known) ladder.forget();
    const delay = this.#backoff.next();
    this.#retryTimer = environment.setTimeout(() => this.#open(), delay);
    this.#become({ state: "waiting", delay, code, reason, ...(error !== undefined && { error }) });
  }

  #drop(code: number): void {
    const { clearTimeout } = this.#options.environment;
    this.#link = null;
    this.#candidate?.abandon();
    this.#candidate = null;
    this.ready = false;
    this.#moving = false;
    for (const timer of [this.#stableTimer, this.#climbTimer, this.#refreshTimer]) clearTimeout(timer);
    this.#owner.lost(code);
  }

  #wake(): void {
    if (this.state === "connected") {
      this.#link?.probe(this.nextId());
      this.#plan(true);
    }
    if (this.state !== "waiting") return;
    this.#options.environment.clearTimeout(this.#retryTimer);
    this.#open();
  }

  #become(change: StateChange): void {
    this.state = change.state;
    this.#owner.changed(change);
  }

  // ---- what the server says

  #heard(event: ServerEvent): void {
    if (event.type === "connected") return this.#welcomed(event);
    if (event.type === "refreshed" && event.id === this.#refresh) {
      this.#refreshing.reset();
      return this.#expires(event.expires);
    }
    if (event.type === "error" && event.id === this.#hello) {
      // A move shows no token: what is refused then is the move, not us.
      if (event.temporary || this.#moving) return this.#link?.fail(event.reason);
      return this.finish(new EverywireError(event.code, event.reason));
    }
    if (event.type === "error" && event.id === this.#refresh) {
      if (event.temporary) this.#expires(this.#refreshing.next());
      return; // otherwise the end of the token is the end of the link
    }
    this.#owner.heard(event);
  }

  #welcomed(event: Connected): void {
    if (this.#moving && !event.resumed) return this.#link?.fail("the session could not be moved");
    const moved = this.#moving;
    this.#moving = false;
    this.session = event.session;
    this.user = event.user;
    this.#resume = event.resume;
    this.ready = true;
    this.#link?.watch(event.heartbeat);
    // Only a connection that lasts makes the next wait short again; a server that dies at each welcome is left in peace.
    this.#stableTimer = this.#options.environment.setTimeout(() => this.#backoff.reset(), 5_000);
    this.#expires(event.expires);
    if (this.#trying === "websocket") this.#proven("websocket");
    this.#plan(!event.resumed);
    this.state = "connected";
    this.#owner.welcomed(event, moved);
  }

  #proven(transport: Transport): void {
    if (this.transport === transport) return;
    this.transport = transport;
    this.#options.ladder.worked(transport);
    this.#owner.transport(transport);
  }

  // ---- a newer token

  #expires(ms: number | undefined): void {
    const { environment, token } = this.#options;
    if (ms === undefined || typeof token !== "function") return;
    environment.clearTimeout(this.#refreshTimer);
    const early = Math.max(0, ms - Math.min(30_000, ms / 4));
    this.#refreshTimer = environment.setTimeout(() => this.#renew(), Math.min(early, LONGEST_TIMER));
  }

  #renew(): void {
    const link = this.#link;
    this.#withToken(
      () => this.ready && link === this.#link,
      (token) => {
        if (token !== undefined) this.#refresh = this.say({ type: "refresh", token });
      },
      () => this.#expires(this.#refreshing.next()),
    );
  }

  // ---- a better transport

  /** Has something better tried in a while; `fresh`: the network may be another now. */
  #plan(fresh = false): void {
    const { environment, ladder } = this.#options;
    environment.clearTimeout(this.#climbTimer);
    if (!ladder.improves(this.transport ?? this.#trying)) return;
    this.#climbTimer = environment.setTimeout(() => this.#climb(), ladder.patience(fresh));
  }

  #climb(): void {
    const { ladder, openTimeout } = this.#options;
    if (!this.ready || this.#candidate) return;
    this.#plan();
    if (this.transport === "websocket" || !ladder.prefersSocket) return void this.#climbLine();
    const candidate = this.#carry("websocket", {
      opened: () => {
        if (this.#owner.idle()) this.#move(candidate);
        else {
          candidate.abandon();
          this.#candidate = null;
        }
      },
      down: (code, reason) => {
        if (candidate === this.#link) return this.#down(this.#moving ? ABNORMAL : code, reason);
        this.#candidate = null;
        this.#climbLine();
      },
    });
    this.#candidate = candidate;
    candidate.expect(openTimeout);
  }

  #climbLine(): void {
    if (this.ready) this.#link?.climb(this.nextId());
  }

  /** The session goes on over `link`: nothing is under way, and what was published meanwhile is recovered by positions. */
  #move(link: Link): void {
    const old = this.#link;
    this.#candidate = null;
    this.#drop(ABNORMAL);
    old?.abandon();
    this.#link = link;
    this.#trying = "websocket";
    this.#moving = true;
    this.#hello = this.nextId();
    link.expect(PATIENCE); // what opens may still swallow what is said
    this.#send({ type: "connect", id: this.#hello, info: this.#options.info, resume: this.#resume });
  }

  // ---- the session across a reload

  /** Only while the page is being left: a tab that is duplicated must not take this one's session. */
  #keep(): void {
    this.#stored((store, name) => this.#resume && store.setItem(name, this.#resume));
  }

  #forget(): void {
    this.#stored((store, name) => store.removeItem(name));
  }

  #recall(): void {
    this.#stored((store, name) => (this.#resume ??= store.getItem(name) ?? undefined));
    this.#forget();
  }

  #stored(use: (store: Memory, name: string) => unknown): void {
    const { store, url } = this.#options;
    try {
      if (store) use(store, `everywire:session:${url}`);
    } catch {
      // a full or forbidden store: the next page begins anew
    }
  }
}
