/** The native wire, version 1, as types and one table: what may be said, and what a close code means. */

/** A place in a channel's log: which life of the log, and how many publications of it. */
export interface Position {
  epoch: string;
  offset: number;
}

/**
 * One session in a channel; where its presence counts users, one user with `tabs` sessions (one, where it is absent). `user` is
 * whom the server authenticated, `info` what the client said of itself.
 */
export interface Member {
  session: string;
  user: string | null;
  info?: unknown;
  tabs?: number;
  /** What its client speaks: "socketio", …; absent for everywire's own. */
  dialect?: string;
}

/** Channel data. `offset` is absent when it was ephemeral; `time` is in milliseconds since 1970, by the server's clock. */
export interface Publication<T = unknown> {
  offset?: number;
  data: T;
  from?: Member;
  time: number;
  /** In a keyed channel: the entry that it sets; with `removed`, the entry that is gone. */
  entry?: string;
  removed?: true;
  /** The channel that it was published to: of interest to a subscription with wildcards. */
  channel?: string;
}

/** What becomes of publications that we cannot take at once, or do not want all of: see "Delivery policies" in the protocol. */
export interface Policy {
  kind: "reliable" | "latest" | "sample" | "drop_oldest";
  /** Ms. */
  interval?: number;
  size?: number;
}

/** Milliseconds: the server speaks at least every `every`, and is late only after `patience` more. */
export interface Heartbeat {
  every: number;
  patience: number;
}

export interface Connected {
  type: "connected";
  id: number;
  session: string;
  user: string | null;
  resume: string;
  resumed: boolean;
  heartbeat: Heartbeat;
  /** Ms until the token has to be refreshed. */
  expires?: number;
  channels?: string[];
}

export interface Subscribed {
  type: "subscribed";
  /** Absent where the server began it. */
  id?: number;
  channel: string;
  /** With `offset`; both absent for a channel with wildcards. */
  epoch?: string;
  offset?: number;
  recovered: boolean;
  publications: Publication[];
  members?: Member[];
  /** This is one page of what was missed, and the subscription does not hold yet: the next follows, or is to be asked for. */
  more?: "follows" | "ask";
  /** A keyed channel's: all of them, or with `recovered` those that changed; `after` is how far a page of them goes. */
  entries?: Publication[];
  after?: number;
}

/** A keyed channel as it is, or a page of it. */
export interface Snapshot extends Position {
  type: "entries";
  id: number;
  channel: string;
  recovered: boolean;
  entries: Publication[];
  more?: true;
  after?: number;
}

/** A stretch of a channel's history, with the end of the log; `more`: the server cut it. */
export interface Page extends Position {
  type: "history";
  id: number;
  channel: string;
  publications: Publication[];
  more?: true;
  /** Where all that was looked at is for others: how far that went. */
  after?: number;
  /** Nothing is missing between what was asked from and these, whatever their offsets say. */
  recovered?: true;
}

export interface Failed {
  type: "error";
  id: number;
  code: number;
  reason: string;
  temporary: boolean;
  data?: unknown;
}

/** How many are in a channel. */
export interface Counts {
  sessions: number;
  users: number;
}

/** The server calls us. */
export interface Calling {
  type: "call";
  call: number;
  name: string;
  data?: unknown;
  timeout?: number;
}

/** A publication as it comes: in place of `data` it may have the difference from the one at `base`. */
export interface Told<T = unknown> extends Publication<T> {
  type: "publication";
  channel: string;
  delta?: object;
  base?: number;
}

export interface Passed extends Position {
  type: "passed";
  channel: string;
  count: number;
}

/** What is said of the stream of one call, by either side. */
export type Flow = { type: "item"; id: number; data: unknown } | { type: "end"; id: number } | { type: "credit"; id: number; count: number };

/** What the server says. */
export type ServerEvent =
  | Connected
  | { type: "refreshed"; id: number; expires?: number }
  | Subscribed
  | Failed
  | { type: "policy"; id: number; channel: string; policy: Policy }
  | { type: "unsubscribed"; id?: number; channel: string; reason?: string }
  | { type: "published"; id: number; channel: string; epoch?: string; offset?: number }
  | Told
  | Passed
  | { type: "join" | "leave"; channel: string; member: Member }
  | Page
  | Snapshot
  | ({ type: "presence"; id?: number; channel: string; members: Member[] } & Counts)
  | { type: "result"; id: number; data: unknown }
  | Flow
  | Calling
  | { type: "cancel"; call: number }
  | { type: "ping" }
  | { type: "pong"; id: number }
  | { type: "moved"; channel: string; epoch: string };

/** A command that is answered, without its `id`, which is given when it is sent. */
export type Command =
  | { type: "connect"; token?: string | undefined; info?: unknown; resume?: string | undefined }
  | { type: "refresh"; token: string }
  | SubscribeCommand
  | { type: "policy"; channel: string; policy: Policy }
  | { type: "unsubscribe"; channel: string }
  | PublishCommand
  | { type: "history"; channel: string; limit?: number; since?: Position; before?: Position; reverse?: boolean; from_time?: number }
  | { type: "entries"; channel: string; since?: Position; after?: number }
  | { type: "presence"; channel: string; brief?: boolean }
  | { type: "call"; name: string; data?: unknown; timeout?: number; credit?: number; streaming?: boolean }
  | { type: "ping" };

export interface SubscribeCommand {
  type: "subscribe";
  channel: string;
  since?: Position;
  rewind?: number;
  rewind_from?: number;
  after?: number;
  pages?: number;
  policy?: Policy;
  delta?: boolean;
}

export interface PublishCommand {
  type: "publish";
  channel: string;
  data?: unknown;
  key?: string;
  ephemeral?: boolean;
  exclude?: string[];
  to?: { session: string } | { user: string };
  entry?: string;
  expect?: number;
  ttl?: number;
  remove?: boolean;
}

/** What is said without being answered; `id` is that of a call of ours, `call` the number of the server's. */
export type Remark =
  | Flow
  | { type: "cancel"; id: number }
  | { type: "answer"; call: number; data: unknown }
  | { type: "answer"; call: number; error: { code: number; reason: string } }
  | { type: "pong" };

export const NORMAL = 1000;
export const ABNORMAL = 1006;
/** The token shown is too old. */
export const EXPIRED = 4402;
/** No answer to a ping. */
export const SILENT = 4408;
/** After these the next link would end so again: see "Close codes" in the protocol. */
const FINAL = new Set([1002, 1003, 1007, 1010, 3000, 3003]);
/** An old token, no answer to a ping, a slow reader: of the codes that say no, these pass. */
const LATER = new Set([EXPIRED, SILENT, 4413]);

/** Whether a link that ended with `code` is worth opening again. */
export function mayReconnect(code: number): boolean {
  return LATER.has(code) || (!FINAL.has(code) && (code < 4000 || code > 4499));
}
