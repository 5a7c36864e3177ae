/** One channel as this client follows it: its position in the channel's log, its entries, and who is there. */

import { Backoff } from "./backoff.ts";
import { Emitter } from "./emitter.ts";
import { EverywireError } from "./errors.ts";
import type {
  HistoryOptions,
  Keeper,
  PublishOptions,
  SubscribeOptions,
  SubscriptionEvents,
  SubscriptionHost,
  SubscriptionState,
} from "./following.ts";
import { collect, setEntry, snapshot } from "./pages.ts";
import type { Command, Counts, Failed, Member, Page, Passed, Policy, Position, Publication, Snapshot, SubscribeCommand, Subscribed, Told } from "./wire.ts";

/** How many answers we take to one question. */
const MOST_PAGES = 64;
/** Publications heard by wildcards that are known again. */
const MOST_RECENT = 4096;

/**
 * What was missed may come in several answers, twice as many to each question as to the one before; the server sends nothing
 * else of the channel before the last of them, and only that makes us "subscribed".
 *
 * Invariants: every publication with an offset is emitted once, in the order of the log; live publications count only while
 * "subscribed", because the answer to a subscribe holds whatever came before it; `entries` is what the log says up to `position`.
 */
export class Subscription<T = unknown> extends Emitter<SubscriptionEvents<T>> {
  readonly channel: string;
  /** Who is here, by session; empty where the channel has no presence. */
  readonly members: Map<string, Member> = new Map();
  /** The last publication of each entry, where the channel is keyed; `changed` tells when. */
  readonly entries: Map<string, Publication<T>> = new Map();
  readonly #host: SubscriptionHost;
  readonly #options: Pick<SubscribeCommand, "rewind" | "rewind_from" | "delta">;
  readonly #bases: Keeper | undefined;
  #policy: Policy | undefined;
  #position: Position | null;
  /** How far the pages of entries went that are not all here yet. */
  #after: number | undefined;
  #state: SubscriptionState = "subscribing";
  /** What was heard lately, for a subscription with wildcards. */
  readonly #recent = new Set<string>();
  #again = false;
  /** Publications may be handed on: we are subscribed, or in the middle of an answer. */
  #open = false;
  /** What was handed on since we were last subscribed, and whether that is all there was. */
  #missed = { recovered: true, count: 0 };
  /** How many answers we take to the next question. */
  #pages = 1;
  /** The id of the latest subscribe command; 0 where none was sent on this link. @internal */
  asked = 0;
  /** @internal */
  readonly backoff: Backoff;

  /** @internal */
  constructor(channel: string, options: SubscribeOptions<T>, host: SubscriptionHost, random: () => number) {
    super();
    this.channel = channel;
    this.#host = host;
    const { rewind, rewindFrom, delta } = options;
    this.#options = { ...(rewind && { rewind }), ...(rewindFrom !== undefined && { rewind_from: Number(rewindFrom) }), ...(delta && { delta: true }) };
    this.#policy = options.policy;
    this.#position = options.since ? { ...options.since } : null;
    this.#bases = options.delta?.();
    this.backoff = new Backoff({}, random);
    for (const [name, listener] of Object.entries(options)) {
      if (/^on[A-Z]/.test(name) && listener) this.on(name.slice(2).toLowerCase() as keyof SubscriptionEvents<T>, listener as never);
    }
  }

  get state(): SubscriptionState {
    return this.#state;
  }

  /** The place after the last publication that was emitted; null before the first answer, and for a channel with wildcards. */
  get position(): Position | null {
    return this.#position && { ...this.#position };
  }

  /** The delivery policy: as asked for, or as the server bounded it; undefined where none was asked for. */
  get policy(): Policy | undefined {
    return this.#policy;
  }

  /**
   * Resolves when the server has it, with its position (null when ephemeral). Until then it is kept, in order, and said
   * again after a lost connection under the same key, so that it arrives once. Rejects with an `EverywireError`.
   */
  publish(data: T, options: PublishOptions = {}): Promise<Position | null> {
    return this.#host.publish(data, options);
  }

  /** Sets an entry of a keyed channel; with `expect`, only if it is still the publication of that offset (0: none), else rejects with 111. */
  set(entry: string, data: T, options: Pick<PublishOptions, "expect" | "ttl" | "key"> = {}): Promise<Position | null> {
    return this.#host.publish(data, { ...options, entry });
  }

  /** Deletes an entry of a keyed channel. */
  remove(entry: string, options: Pick<PublishOptions, "expect" | "key"> = {}): Promise<Position | null> {
    return this.#host.publish(undefined, { ...options, entry, remove: true });
  }

  /** Has another delivery policy from now on; resolves with what the server made of it. */
  async setPolicy(policy: Policy): Promise<Policy> {
    this.#policy = policy;
    const { policy: held } = await this.#host.ask<{ policy: Policy }>({ type: "policy", channel: this.channel, policy });
    if (this.#policy === policy) this.#policy = held;
    return held;
  }

  /** Kept publications, oldest first unless `reverse`, with the position at the end of the log. */
  async history({ fromTime, ...options }: HistoryOptions = {}): Promise<Position & { publications: Publication<T>[] }> {
    const ask = (command: Command) => this.#host.ask<Page>(command);
    const from = fromTime === undefined ? {} : { from_time: Number(fromTime) };
    const { epoch, offset, publications } = await collect(ask, { type: "history", channel: this.channel, ...options, ...from });
    return { epoch, offset, publications: publications as Publication<T>[] };
  }

  /** The entries of a keyed channel by the server's own list, without following them; `entries` is the same, kept up to date. */
  async readEntries(): Promise<Position & { entries: Map<string, Publication<T>> }> {
    return (await snapshot((command) => this.#host.ask<Snapshot>(command), this.channel)) as Position & { entries: Map<string, Publication<T>> };
  }

  /** Who is here now, by the server's own list. */
  async presence(): Promise<Member[]> {
    return (await this.#host.ask<{ members: Member[] }>({ type: "presence", channel: this.channel })).members;
  }

  /** How many are here now. */
  async count(): Promise<Counts> {
    const { sessions, users } = await this.#host.ask<Counts>({ type: "presence", channel: this.channel, brief: true });
    return { sessions, users };
  }

  unsubscribe(): void {
    if (this.#state === "unsubscribed") return;
    this.#host.leave();
    this.end({});
  }

  /** @internal */
  command(): SubscribeCommand {
    return {
      type: "subscribe",
      channel: this.channel,
      ...(this.#position && { since: this.#position }),
      ...(this.#after !== undefined && { after: this.#after }),
      ...this.#options,
      ...(this.#pages > 1 && { pages: this.#pages }),
      ...(this.#policy && { policy: this.#policy }),
    };
  }

  /** @internal */
  answered(answer: Subscribed): void {
    if (this.#state === "unsubscribed") return;
    const since = this.#position;
    const { epoch, offset, recovered, publications, entries, more } = answer;
    this.#open = true;
    this.backoff.reset();
    this.#position = epoch === undefined || offset === undefined ? null : { epoch, offset: recovered && since ? since.offset : 0 };
    if (!recovered) this.#missed = { recovered: false, count: 0 };
    this.#missed.count += publications.length;
    if (more) {
      if (since && !recovered) this.emit("lost", { since });
    } else this.#enter(answer, recovered ? null : since);
    if (!recovered) this.#bases?.drop();
    if (entries) this.#fill(entries as Publication<T>[], recovered);
    for (const publication of publications) this.#hand(publication as Publication<T>);
    if (!this.#open) return; // a listener has left or closed: what it was not given is still to come
    if (this.#position && offset !== undefined) this.#position.offset = Math.max(this.#position.offset, offset);
    this.#after = answer.after;
    if (more !== "ask") return;
    this.#pages = Math.min(2 * this.#pages, MOST_PAGES);
    this.#ask();
  }

  /** The last answer: from now on everything is told as it happens. */
  #enter({ members = [] }: Subscribed, lost: Position | null): void {
    const { recovered, count } = this.#missed;
    const before = new Map(this.members);
    const again = this.#again;
    this.#again = true;
    this.#state = "subscribed";
    this.#pages = 1;
    this.#missed = { recovered: true, count: 0 };
    this.#list(members);
    if (lost) this.emit("lost", { since: lost });
    if (again) this.#meet(before);
    this.emit("subscribed", { recovered, count, members });
  }

  /** Who is here, told anew: who came and who left may have been lost on the way. @internal */
  listed(members: Member[]): void {
    if (this.#state !== "subscribed") return; // the answer to come says it
    const before = new Map(this.members);
    this.#list(members);
    this.#meet(before);
  }

  #ask(): void {
    this.#state = "subscribing";
    this.#open = false;
    this.#host.follow();
  }

  /** @internal */
  published({ type: _, delta, base, ...publication }: Told<T>): void {
    if (this.#state !== "subscribed") return;
    const { offset, entry, channel, time } = publication;
    if (this.#position && offset !== undefined) {
      if (offset <= this.#position.offset) return;
      if (offset > this.#position.offset + 1) return this.moved(); // a gap: something between was lost on its way
    } else if (offset !== undefined) {
      // Told once more, for another subscription that hears this channel: perhaps much later, after newer ones.
      const mark = `${offset} ${time} ${channel}`;
      if (this.#recent.has(mark)) return;
      this.#recent.add(mark);
      if (this.#recent.size > MOST_RECENT) this.#recent.delete(this.#recent.values().next().value as string);
    }
    if (delta) {
      const whole = this.#bases?.whole(entry, offset, base, delta);
      if (!whole) return this.moved();
      this.#tell({ ...publication, data: whole.data as T });
    } else this.#hand(publication);
  }

  /** The log goes on without telling us all of it. @internal */
  passed({ epoch, offset, count }: Passed): void {
    const at = this.#position;
    if (this.#state !== "subscribed" || !at || (epoch === at.epoch && offset <= at.offset)) return;
    if (epoch !== at.epoch || at.offset < offset - count) return this.moved();
    at.offset = offset;
    this.emit("passed", { count });
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
    this.asked = 0;
  }

  /** @internal */
  failed({ code, reason, temporary, data }: Failed): void {
    this.emit("error", new EverywireError(code, reason, temporary, data));
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

  #list(members: Member[]): void {
    this.members.clear();
    for (const member of members) this.members.set(member.session, member);
  }

  /** Says who left and who came while nobody told us. */
  #meet(before: Map<string, Member>): void {
    const now = new Map(this.members);
    for (const [session, member] of before) if (!now.has(session)) this.emit("leave", member);
    for (const [session, member] of now) if (!before.has(session)) this.emit("join", member);
  }

  /** Entries as they are now: whole, or those that changed. They are not publications that happen. */
  #fill(entries: Publication<T>[], recovered: boolean): void {
    if (!recovered) this.entries.clear();
    for (const publication of entries) {
      this.#bases?.keep(publication.entry, publication.offset, publication.data);
      setEntry(this.entries, publication);
    }
    if (!recovered) return this.emit("changed", {});
    for (const { entry } of entries) if (entry !== undefined) this.emit("changed", { entry });
  }

  /** Hands a whole publication on, unless it was before. */
  #hand(publication: Publication<T>): void {
    const { offset, entry, data, removed } = publication;
    if (!this.#open) return; // a listener may have left meanwhile
    if (this.#position && offset !== undefined && offset <= this.#position.offset) return;
    if (removed) this.#bases?.drop(entry);
    else this.#bases?.keep(entry, offset, data);
    this.#tell(publication);
  }

  #tell(publication: Publication<T>): void {
    const { offset, entry } = publication;
    if (this.#position && offset !== undefined) this.#position.offset = offset;
    setEntry(this.entries, publication);
    this.emit("publication", publication);
    if (entry !== undefined) this.emit("changed", { entry });
  }
}
