/** The public names. */

export type { BackoffOptions } from "./backoff.ts";
export type { CallOptions, Handler } from "./calls.ts";
export type { Transport } from "./carrier.ts";
export { Client, type ClientEvents, type ClientOptions } from "./client.ts";
export type { Codec, Payload } from "./codec.ts";
export type { State, StateChange, Token } from "./connection.ts";
export type { Environment, Fetch, Memory, Socket, SocketMaker, Source, SourceMaker } from "./environment.ts";
export { EverywireError, type LocalCode } from "./errors.ts";
export type { HistoryOptions, Keeper, PublishOptions, SubscribeOptions, SubscriptionEvents, SubscriptionState } from "./following.ts";
export { Subscription } from "./subscription.ts";
export type { Counts, Member, Policy, Position, Publication } from "./wire.ts";
