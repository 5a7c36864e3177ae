/** One channel as this client follows it: its position in the channel's log, and who is there. */

import { Backoff } from "./backoff.ts";
import { Emitter } from "./emitter.ts";
import { EverywireError } from "./errors.ts";
import { collect } from "./pages.ts";
import type { Command, Failed, Member, Page, Position, Publication, Subscribed } from "./wire.ts";

export interface SubscriptionEvents<T> {
  publication: Publication<T>;
  /** As with `leave`: at once, or, for what changed while the line was cut, just before `subscribed`. */
  join: Member;
  leave: Member;
  /**
   * We are in, for the first time or again. What was missed, or rewound, follows as `publication` events at once; where it was
   * too much for one answer, only the last of it follows. `count` is how many it is in all.
   */
  subscribed: { recovered: boolean; count: number; members: Member[] };
  /** Publications after `since` are gone for good: forget what is shown. `subscribed` follows, then what a rewind still finds. */
  lost: { since: Position };
  /** It is over, because of `unsubscribe()` (no reason), the server, or a refusal. */
  unsubscribed: { reason?: string };
  error: EverywireError;
}

export interface SubscribeOptions<T> {
  /** How many of the latest publications to be told where there is no position to go on from. */
  rewind?: number;
  /** Go on from here, as kept from an earlier `subscription.position`. */
  since?: Position;
  onPublication?: (publication: Publication<T>) => void;
  onJoin?: (member: Member) => void;
  onLeave?: (member: Member) => void;
  onSubscribed?: (subscribed: SubscriptionEvents<T>["subscribed"]) => void;
  onLost?: (lost: SubscriptionEvents<T>["lost"]) => void;
  onUnsubscribed?: (end: SubscriptionEvents<T>["unsubscribed"]) => void;
  onError?: (error: EverywireError) => void;
}

export interface PublishOptions {
  /** Not kept and not repeated: for what is worthless a second later, as "is typing". Fails at once when there is no connection. */
  ephemeral?: boolean;
  /** The idempotency key, when the application has one of its own (≤ 128 characters). */
  key?: string;
}

export interface HistoryOptions {
  limit?: number;
  since?: Position;
  reverse?: boolean;
}

/** What a subscription asks of its client. @internal */
export interface SubscriptionHost {
  follow(): void;
  leave(): void;
  publish(data: unknown, options: PublishOptions): Promise<Position | null>;
  ask<Answer>(command: Command): Promise<Answer>;
}

/** How many answers we take to one question. */
const MOST_PAGES = 64;

export type SubscriptionState = "subscribing" | "subscribed" | "unsubscribed";

/**
 * What was missed may come in several answers, twice as many to each question as to the one before; the server sends nothing
 * else of the channel before the last of them, and only that makes us "subscribed".
 *
 * Invariants: every publication with an offset is emitted once, in the order of the log; live publications count only while
 * "subscribed", because the answer to a subscribe holds whatever came before it.
 */
export class Subscription<T = unknown> extends Emitter<SubscriptionEvents<T>> {
  readonly channel: string;
  /** Who is here, by session; empty where the channel has no presence. */
  readonly members: Map<string, Member> = new Map();
  readonly #host: SubscriptionHost;
  readonly #rewind: number | undefined;
  #position: Position | null;
  #state: SubscriptionState = "subscribing";
  #again = false;
  /** Publications may be handed on: we are subscribed, or in the middle of an answer. */
  #open = false;
  /** What was handed on since we were last subscribed, and whether that is all there was. */
  #missed = { recovered: true, count: 0 };
  /** How many answers we take to the next question. */
  #pages = 1;
  /** The id of the latest subscribe command. @internal */
  asked = 0;
  /** @internal */
  readonly backoff: Backoff;

  /** @internal */
  constructor(channel: string, options: SubscribeOptions<T>, host: SubscriptionHost, random: () => number) {
    super();
    this.channel = channel;
    this.#host = host;
    this.#rewind = options.rewind;
    this.#position = options.since ? { ...options.since } : null;
    this.backoff = new Backoff({}, random);
    if (options.onPublication) this.on("publication", options.onPublication);
    if (options.onJoin) this.on("join", options.onJoin);
    if (options.onLeave) this.on("leave", options.onLeave);
    if (options.onSubscribed) this.on("subscribed", options.onSubscribed);
    if (options.onLost) this.on("lost", options.onLost);
    if (options.onUnsubscribed) this.on("unsubscribed", options.onUnsubscribed);
    if (options.onError) this.on("error", options.onError);
  }

  get state(): SubscriptionState {
    return this.#state;
  }

  /** The place after the last publication that was emitted; null before the first answer. */
  get position(): Position | null {
    return this.#position && { ...this.#position };
  }

  /**
   * Resolves when the server has it, with its position (null when ephemeral). Until then it is kept, in order, and said
   * again after a lost connection under the same key, so that it arrives once. Rejects with an `EverywireError`.
   */
  publish(data: T, options: PublishOptions = {}): Promise<Position | null> {
    return this.#host.publish(data, options);
  }

  /** Kept publications, oldest first unless `reverse`, with the position at the end of the log. */
  async history(options: HistoryOptions = {}): Promise<Position & { publications: Publication<T>[] }> {
    const ask = (command: Command) => this.#host.ask<Page>(command);
    const { epoch, offset, publications } = await collect(ask, { type: "history", channel: this.channel, ...options });
    return { epoch, offset, publications: publications as Publication<T>[] };
  }

  /** Who is here now, by the server's own list. */
  async presence(): Promise<Member[]> {
    return (await this.#host.ask<{ members: Member[] }>({ type: "presence", channel: this.channel })).members;
  }

  unsubscribe(): void {
    if (this.#state === "unsubscribed") return;
    this.#host.leave();
    this.end({});
  }

  /** @internal */
  command(): Command & { type: "subscribe" } {
    return {
      type: "subscribe",
      channel: this.channel,
      ...(this.#position && { since: this.#position }),
      ...(this.#rewind && { rewind: this.#rewind }),
      ...(this.#pages > 1 && { pages: this.#pages }),
    };
  }

  /** @internal */
  answered(answer: Subscribed): void {
    if (this.#state === "unsubscribed") return;
    const since = this.#position;
    const { epoch, offset, recovered, publications, more } = answer;
    this.#open = true;
    this.backoff.reset();
    this.#position = { epoch, offset: recovered && since ? since.offset : 0 };
    if (!recovered) this.#missed = { recovered: false, count: 0 };
    this.#missed.count += publications.length;
    if (more) {
      if (since && !recovered) this.emit("lost", { since });
    } else this.#enter(answer, recovered ? null : since);
    for (const publication of publications) this.#hand(publication as Publication<T>);
    if (!this.#open) return; // a listener has left or closed: what it was not given is still to come
    this.#position.offset = Math.max(this.#position.offset, offset);
    if (more !== "ask") return;
    this.#pages = Math.min(2 * this.#pages, MOST_PAGES);
    this.#ask();
  }

  /** The last answer: from now on everything is told as it happens. */
  #enter({ members = [] }: Subscribed, lost: Position | null): void {
    const { recovered, count } = this.#missed;
    const changes = this.#again ? this.#meet(members) : [];
    this.#again = true;
    this.#state = "subscribed";
    this.#pages = 1;
    this.#missed = { recovered: true, count: 0 };
    this.members.clear();
    for (const member of members) this.members.set(member.session, member);
    if (lost) this.emit("lost", { since: lost });
    for (const [name, member] of changes) this.emit(name, member);
    this.emit("subscribed", { recovered, count, members });
  }

  #ask(): void {
    this.#state = "subscribing";
    this.#open = false;
    this.#host.follow();
  }

  /** @internal */
  published(publication: Publication<T>): void {
    if (this.#state !== "subscribed" || !this.#position) return;
    const { offset } = publication;
    if (offset === undefined || offset <= this.#position.offset + 1) this.#hand(publication);
    else this.moved(); // a gap: something between was lost on its way
  }

  /** What we have is not continued by what comes: ask again, from where we are. @internal */
  moved(): void {
    if (this.#state === "subscribed") this.#ask();
  }

  /** @internal */
  joined(member: Member): void {
    this.members.set(member.session, member);
    this.emit("join", member);
  }

  /** @internal */
  left(member: Member): void {
    this.members.delete(member.session);
    this.emit("leave", member);
  }

  /** @internal */
  linkLost(): void {
    this.#state = "subscribing";
    this.#open = false;
    this.#pages = 1;
  }

  /** @internal */
  failed({ code, reason, temporary }: Failed): void {
    this.emit("error", new EverywireError(code, reason, temporary));
    if (!temporary) this.end({ reason });
  }

  /** @internal */
  end(why: { reason?: string }): void {
    if (this.#state === "unsubscribed") return;
    this.#state = "unsubscribed";
    this.#open = false;
    this.members.clear();
    this.emit("unsubscribed", why);
  }

  /** Who came and who left while nobody told us. */
  #meet(members: Member[]): (readonly ["join" | "leave", Member])[] {
    const now = new Set(members.map(({ session }) => session));
    const left = [...this.members.values()].filter(({ session }) => !now.has(session));
    const joined = members.filter(({ session }) => !this.members.has(session));
    return [...left.map((member) => ["leave", member] as const), ...joined.map((member) => ["join", member] as const)];
  }

  #hand(publication: Publication<T>): void {
    if (!this.#open || !this.#position) return; // a listener may have left meanwhile
    if (publication.offset !== undefined) {
      if (publication.offset <= this.#position.offset) return;
      this.#position.offset = publication.offset;
    }
    this.emit("publication", publication);
  }
}
