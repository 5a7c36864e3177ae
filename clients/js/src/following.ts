/** What an application says and hears of one channel, as types. */

import type { EverywireError } from "./errors.ts";
import type { Command, Member, Policy, Position, Publication } from "./wire.ts";

export type SubscriptionState = "subscribing" | "subscribed" | "unsubscribed";

export interface SubscriptionEvents<T> {
  publication: Publication<T>;
  /** `entries` is another now: at this entry, or, without one, as a whole. In a keyed channel it follows `publication`. */
  changed: { entry?: string };
  /** So many publications were left out on purpose, by our policy or because they are for others. */
  passed: { count: number };
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
  /** Instead: to be told what was published from then on, a date or ms since 1970. */
  rewindFrom?: Date | number;
  /** Go on from here, as kept from an earlier `subscription.position`. */
  since?: Position;
  /** What becomes of publications that we cannot take at once, or do not want all of. */
  policy?: Policy;
  /** Have publications told by what differs from the one before, where that is less: `deltas`, from `everywire/deltas`. */
  delta?: () => Keeper;
  onPublication?: (publication: Publication<T>) => void;
  onChanged?: (changed: SubscriptionEvents<T>["changed"]) => void;
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
  /** Sessions that are not told. */
  exclude?: string[];
  /** Nobody else is told. */
  to?: { session: string } | { user: string };
  /** In a keyed channel: the entry that is set, or with `remove` deleted. */
  entry?: string;
  /** Only if this publication set the entry last (an offset; 0: there is no entry); otherwise rejects with 111, and `data.offset`. */
  expect?: number;
  /** Ms after which the entry is gone by itself. */
  ttl?: number;
  remove?: boolean;
}

export interface HistoryOptions {
  limit?: number;
  since?: Position;
  before?: Position;
  reverse?: boolean;
  /** Nothing older: a date or ms since 1970. */
  fromTime?: Date | number;
}

/** Keeps the data of publications, so that the next may be told by what differs. */
export interface Keeper {
  /** Whole data came. */
  keep(entry: string | undefined, offset: number | undefined, data: unknown): void;
  /** Gives whole data; undefined where the data at `base` is not here. */
  whole(entry: string | undefined, offset: number | undefined, base: number | undefined, delta: object): { data: unknown } | undefined;
  /** An entry, or everything, is no more. */
  drop(entry?: string): void;
}

/** What a subscription asks of its client. @internal */
export interface SubscriptionHost {
  follow(): void;
  leave(): void;
  publish(data: unknown, options: PublishOptions): Promise<Position | null>;
  ask<Answer>(command: Command): Promise<Answer>;
}
