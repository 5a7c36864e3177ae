/**
 * Hooks for React: what a component shows of a channel, kept up to date as long as it is there.
 *
 * Components that ask for the same channel share one subscription; the options of the first of them hold.
 */

import { createContext, createElement, type FunctionComponent, type ReactNode, useCallback, useContext, useEffect, useMemo, useRef, useState, useSyncExternalStore } from "react";
import type { CallOptions } from "./calls.ts";
import type { Client } from "./client.ts";
import type { State } from "./connection.ts";
import type { PublishOptions, SubscribeOptions, SubscriptionState } from "./following.ts";
import type { Subscription } from "./subscription.ts";
import type { Member, Position, Publication } from "./wire.ts";

export interface ChannelOptions<T> extends Pick<SubscribeOptions<T>, "rewind" | "rewindFrom" | "policy" | "delta"> {
  /** How many of the latest publications are kept to be shown; 100. */
  keep?: number;
}

export interface Channel<T> {
  state: SubscriptionState;
  /** The latest, oldest first. */
  publications: readonly Publication<T>[];
  publish(data: T, options?: PublishOptions): Promise<Position | null>;
}

export interface Caller<Data, Result> {
  call(data?: Data, options?: CallOptions): Promise<Result>;
  /** Of the latest call: what it gave, why it failed, whether it goes on. */
  data: Result | undefined;
  error: unknown;
  pending: boolean;
}

interface Shown {
  state: SubscriptionState;
  publications: readonly Publication[];
  members: readonly Member[];
  entries: ReadonlyMap<string, Publication>;
}

const NOTHING: Shown = { state: "subscribing", publications: [], members: [], entries: new Map() };

/** Invariants: subscribed as long as somebody looks; `shown` is another object after each change, and never changes itself. */
class Followed {
  shown = NOTHING;
  readonly #client: Client;
  readonly #channel: string;
  readonly #looking = new Set<() => void>();
  #stops: (() => void)[] = [];
  #mine: Subscription | undefined;

  constructor(client: Client, channel: string) {
    this.#client = client;
    this.#channel = channel;
  }

  look(changed: () => void, options: ChannelOptions<never>): () => void {
    this.#looking.add(changed);
    if (this.#looking.size === 1 && !this.#stops.length) this.#begin(options);
    return () => {
      this.#looking.delete(changed);
      // Who leaves for a moment, as between two renders, finds all as it was.
      queueMicrotask(() => this.#looking.size || this.#end());
    };
  }

  #begin({ keep = 100, ...options }: ChannelOptions<never>): void {
    const known = this.#client.subscription(this.#channel);
    const subscription = known ?? this.#client.subscribe(this.#channel, options as SubscribeOptions<unknown>);
    if (!known) this.#mine = subscription;
    const members = () => this.#show({ members: [...subscription.members.values()] });
    const state = () => this.#show({ state: subscription.state, members: [...subscription.members.values()] });
    this.#stops = [
      subscription.on("publication", (publication) => this.#show({ publications: [...this.shown.publications, publication].slice(-keep) })),
      subscription.on("changed", () => this.#show({ entries: new Map(subscription.entries) })),
      subscription.on("lost", () => this.#show({ publications: [] })),
      subscription.on("subscribed", state),
      subscription.on("unsubscribed", state),
      subscription.on("join", members),
      subscription.on("leave", members),
    ];
    this.shown = { state: subscription.state, publications: [], members: [...subscription.members.values()], entries: new Map(subscription.entries) };
  }

  #end(): void {
    for (const stop of this.#stops) stop();
    this.#stops = [];
    this.#mine?.unsubscribe();
    this.#mine = undefined;
    this.shown = NOTHING;
  }

  #show(change: Partial<Shown>): void {
    this.shown = { ...this.shown, ...change };
    for (const changed of [...this.#looking]) changed();
  }
}

const followed = new WeakMap<Client, Map<string, Followed>>();

function following(client: Client, channel: string): Followed {
  const channels = followed.get(client) ?? new Map<string, Followed>();
  followed.set(client, channels);
  const found = channels.get(channel) ?? new Followed(client, channel);
  channels.set(channel, found);
  return found;
}

const Context = createContext<Client | null>(null);

/** Gives `client` to everything below. */
export const ClientProvider: FunctionComponent<{ client: Client; children?: ReactNode }> = ({ client, children }) =>
  createElement(Context.Provider, { value: client }, children);

/** The client of the `ClientProvider` above. */
export function useClient(): Client {
  const client = useContext(Context);
  if (!client) throw new Error("no ClientProvider above");
  return client;
}

/** Whether the client is connected. */
export function useClientState(): State {
  const client = useClient();
  const subscribe = useCallback((changed: () => void) => client.on("state", changed), [client]);
  const state = () => client.state;
  return useSyncExternalStore(subscribe, state, state);
}

function useShown(channel: string, options: ChannelOptions<never> = {}): Shown {
  const client = useClient();
  const first = useRef(options);
  const source = useMemo(() => following(client, channel), [client, channel]);
  const subscribe = useCallback((changed: () => void) => source.look(changed, first.current), [source]);
  return useSyncExternalStore(subscribe, () => source.shown, () => NOTHING);
}

/** Follows `channel`: its latest publications, and the means to publish. */
export function useChannel<T = unknown>(channel: string, options: ChannelOptions<T> = {}): Channel<T> {
  const client = useClient();
  const { state, publications } = useShown(channel, options as ChannelOptions<never>);
  const publish = useCallback((data: T, how?: PublishOptions) => client.publish(channel, data, how), [client, channel]);
  return { state, publications: publications as readonly Publication<T>[], publish };
}

/** Who is in `channel`. */
export function usePresence(channel: string): readonly Member[] {
  return useShown(channel).members;
}

/** The entries of a keyed channel. */
export function useEntries<T = unknown>(channel: string, options: ChannelOptions<T> = {}): ReadonlyMap<string, Publication<T>> {
  return useShown(channel, options as ChannelOptions<never>).entries as ReadonlyMap<string, Publication<T>>;
}

/** Calls the server's handler `name`; what goes on when the component is gone is cancelled. */
export function useCall<Data = unknown, Result = unknown>(name: string): Caller<Data, Result> {
  const client = useClient();
  const [shown, show] = useState<Omit<Caller<Data, Result>, "call">>({ data: undefined, error: undefined, pending: false });
  const latest = useRef(0);
  const gone = useRef(new AbortController());
  useEffect(() => {
    if (gone.current.signal.aborted) gone.current = new AbortController();
    return () => gone.current.abort();
  }, []);
  const call = useCallback(
    async (data?: Data, options: CallOptions = {}) => {
      const number = ++latest.current;
      const mine = (change: Partial<typeof shown>) => number === latest.current && show((before) => ({ ...before, ...change }));
      const { signal } = gone.current;
      mine({ pending: true, error: undefined });
      try {
        const result = await client.call<Result>(name, data, { ...options, signal: options.signal ? AbortSignal.any([options.signal, signal]) : signal });
        mine({ data: result, pending: false });
        return result;
      } catch (error) {
        if (!signal.aborted) mine({ error, pending: false });
        throw error;
      }
    },
    [client, name],
  );
  return { ...shown, call };
}
