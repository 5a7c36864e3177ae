/** The native wire, version 1, as types and one table: what may be said, and what a close code means. */

export const SUBPROTOCOL = "everywire.v1.json";

/** A place in a channel's log: which life of the log, and how many publications of it. */
export interface Position {
  epoch: string;
  offset: number;
}

/** One session in a channel. `user` is whom the server authenticated, `info` what the client said of itself. */
export interface Member {
  session: string;
  user: string | null;
  info?: unknown;
}

/** Channel data. `offset` is absent when it was ephemeral; `time` is in milliseconds since 1970, by the server's clock. */
export interface Publication<T = unknown> {
  offset?: number;
  data: T;
  from?: Member;
  time: number;
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
}

export interface Subscribed {
  type: "subscribed";
  id: number;
  channel: string;
  epoch: string;
  offset: number;
  recovered: boolean;
  publications: Publication[];
  members?: Member[];
  /** This is one page of what was missed, and the subscription does not hold yet: the next follows, or is to be asked for. */
  more?: "follows" | "ask";
}

/** A stretch of a channel's history, with the end of the log; `more`: the server cut it. */
export interface Page extends Position {
  type: "history";
  id: number;
  channel: string;
  publications: Publication[];
  more?: true;
}

export interface Failed {
  type: "error";
  id: number;
  code: number;
  reason: string;
  temporary: boolean;
}

/** What the server says. */
export type ServerEvent =
  | Connected
  | Subscribed
  | Failed
  | { type: "unsubscribed"; id?: number; channel: string; reason?: string }
  | { type: "published"; id: number; channel: string; epoch?: string; offset?: number }
  | ({ type: "publication"; channel: string } & Publication)
  | { type: "join" | "leave"; channel: string; member: Member }
  | Page
  | { type: "presence"; id: number; channel: string; members: Member[] }
  | { type: "result"; id: number; data: unknown }
  | { type: "ping" }
  | { type: "pong"; id: number }
  | { type: "moved"; channel: string; epoch: string };

/** A command without its `id`, which is given when it is sent. */
export type Command =
  | { type: "connect"; token?: string; info?: unknown; resume?: string }
  | { type: "subscribe"; channel: string; since?: Position; rewind?: number; pages?: number }
  | { type: "unsubscribe"; channel: string }
  | { type: "publish"; channel: string; data: unknown; key?: string; ephemeral?: boolean }
  | { type: "history"; channel: string; limit?: number; since?: Position; before?: Position; reverse?: boolean }
  | { type: "presence"; channel: string }
  | { type: "call"; name: string; data?: unknown }
  | { type: "ping" };

export const NORMAL = 1000;
export const ABNORMAL = 1006;
/** After these the next link would end so again: see "Close codes" in the protocol. */
const FINAL = new Set([1002, 1003, 1007, 1010, 3000, 3003]);
/** An old token, no answer to a ping, a slow reader: of the codes that say no, these pass. */
const LATER = new Set([4402, 4408, 4413]);

/** Whether a link that ended with `code` is worth opening again. */
export function mayReconnect(code: number): boolean {
  return LATER.has(code) || (!FINAL.has(code) && (code < 4000 || code > 4499));
}
