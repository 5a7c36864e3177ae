/** The public names. */

export type { BackoffOptions } from "./backoff.ts";
export { Client, type ClientEvents, type ClientOptions, type State, type StateChange } from "./client.ts";
export type { Environment, Socket, SocketMaker } from "./environment.ts";
export { EverywireError, type LocalCode } from "./errors.ts";
export {
  type HistoryOptions,
  type PublishOptions,
  type SubscribeOptions,
  Subscription,
  type SubscriptionEvents,
  type SubscriptionState,
} from "./subscription.ts";
export type { Member, Position, Publication } from "./wire.ts";
