/** Streams of a call: items that come in, as fast as they are taken, and items that go out, as fast as the server takes them. */

import type { Call, CallOptions } from "./calls.ts";
import type { Client } from "./client.ts";
import type { RequestOptions } from "./requests.ts";
import type { Flow, Remark, ServerEvent } from "./wire.ts";

/** Where items come from. */
export type Items = AsyncIterable<unknown> | Iterable<unknown>;

export interface StreamOptions extends CallOptions {
  /** How many items may be under way or wait here. */
  credit?: number;
  /** A stream of ours, for a handler that takes one. */
  items?: Items;
}

type Taken<T> = { resolve(result: IteratorResult<T, undefined>): void; reject(error: unknown): void };

/** How many items a side may send before it hears that there is room for more. */
const CREDIT = 16;

/**
 * Calls a handler that answers with a stream: `for await (const item of stream(client, "ticks"))`. Leaving the loop cancels it; a
 * lost connection ends it with an error.
 */
export function stream<Item = unknown>(client: Client, name: string, data?: unknown, options: StreamOptions = {}): Incoming<Item> {
  const { signal, credit = CREDIT, items } = options;
  const stop = new AbortController();
  const cancel = () => stop.abort();
  signal?.addEventListener("abort", cancel);
  if (signal?.aborted) cancel();
  const incoming = new Incoming<Item>(credit, (count) => begun.say({ type: "credit", id: begun.id, count }), cancel);
  const hear = (event: Flow) => event.type === "item" && incoming.push(event.data as Item);
  const begun = begin(client, { type: "call", name, data, credit }, { ...options, signal: stop.signal }, hear, items);
  begun.answer
    .then(
      (answer) => {
        if (answer.type === "result") incoming.push(answer.data as Item); // the handler had one answer alone
        incoming.finish();
      },
      (error) => incoming.finish(error),
    )
    .finally(() => signal?.removeEventListener("abort", cancel));
  return incoming;
}

/** Calls a handler that takes a stream: sends it `items`, as fast as it takes them, and resolves with what it returns. */
export async function send<Result = unknown>(client: Client, name: string, items: Items, data?: unknown, options: CallOptions = {}): Promise<Result> {
  const { answer } = begin(client, { type: "call", name, data }, options, () => undefined, items);
  return ((await answer) as { data: Result }).data;
}

function begin(client: Client, command: Call, { timeout, signal }: CallOptions, hear: (event: Flow) => void, items?: Items) {
  const call: Call = { ...command, ...(timeout !== undefined && { timeout }), ...(items && { streaming: true }) };
  const source = new AbortController();
  const options: Omit<RequestOptions, "repeatable"> = { timeout, lasting: true, signal };
  if (!items) return client.begin(call, options, hear);
  let fault: { error: unknown } | undefined;
  const outgoing = new Outgoing(items, (remark) => begun.say(remark));
  const fail = (error: unknown) => {
    fault = { error };
    source.abort();
  };
  const sent = () => queueMicrotask(() => void outgoing.run(begun.id).catch(fail));
  const both = signal ? AbortSignal.any([signal, source.signal]) : source.signal;
  const begun = client.begin(call, { ...options, signal: both, sent }, (event) => {
    if (event.type === "credit") outgoing.more(event);
    else hear(event);
  });
  const answer: Promise<ServerEvent> = begun.answer.finally(() => outgoing.stop()).catch((error) => Promise.reject(fault ? fault.error : error));
  return { ...begun, answer };
}

/**
 * A stream from the server. Leaving the loop over it cancels the call.
 *
 * Invariants: items come in their order; at most `credit` of them wait here; after the end, or an error, nothing comes.
 */
export class Incoming<T> implements AsyncIterableIterator<T, undefined> {
  readonly #give: (count: number) => void;
  readonly #cancel: () => void;
  readonly #credit: number;
  readonly #items: T[] = [];
  readonly #takers: Taken<T>[] = [];
  #taken = 0;
  #over: { error?: unknown } | undefined;

  /** @internal */
  constructor(credit: number, give: (count: number) => void, cancel: () => void) {
    this.#credit = credit;
    this.#give = give;
    this.#cancel = cancel;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  next(): Promise<IteratorResult<T, undefined>> {
    if (this.#items.length) {
      const value = this.#items.shift() as T;
      this.#took();
      return Promise.resolve({ done: false, value });
    }
    if (!this.#over) return new Promise((resolve, reject) => this.#takers.push({ resolve, reject }));
    const { error } = this.#over;
    this.#over = {};
    return error === undefined ? Promise.resolve({ done: true, value: undefined }) : Promise.reject(error);
  }

  return(): Promise<IteratorResult<T, undefined>> {
    this.#items.length = 0;
    if (!this.#over) this.#cancel();
    this.finish();
    return Promise.resolve({ done: true, value: undefined });
  }

  /** @internal */
  push(item: T): void {
    if (this.#over) return;
    const taker = this.#takers.shift();
    if (!taker) return void this.#items.push(item);
    taker.resolve({ done: false, value: item });
    this.#took();
  }

  /** @internal */
  finish(error?: unknown): void {
    this.#over ??= { error };
    for (const taker of this.#takers.splice(0)) {
      if (error === undefined) taker.resolve({ done: true, value: undefined });
      else taker.reject(error);
    }
  }

  /** Room is announced by halves: an announcement for each item would double the traffic. */
  #took(): void {
    this.#taken += 1;
    if (this.#over || this.#taken < Math.ceil(this.#credit / 2)) return;
    this.#give(this.#taken);
    this.#taken = 0;
  }
}

/** A stream to the server. Invariant: never more items than there is credit for. */
class Outgoing {
  readonly #items: Items;
  readonly #say: (remark: Remark) => void;
  #credit = CREDIT;
  #over = false;
  #wake: () => void = () => undefined;

  constructor(items: Items, say: (remark: Remark) => void) {
    this.#items = items;
    this.#say = say;
  }

  /** Sends everything; rejects with what the source of the items throws. */
  async run(id: number): Promise<void> {
    for await (const data of this.#items) {
      while (!this.#credit && !this.#over) await new Promise<void>((resolve) => (this.#wake = resolve));
      if (this.#over) return;
      this.#credit -= 1;
      this.#say({ type: "item", id, data });
    }
    if (!this.#over) this.#say({ type: "end", id });
  }

  more({ count }: Flow & { type: "credit" }): void {
    this.#credit += count;
    this.#wake();
  }

  stop(): void {
    this.#over = true;
    this.#wake();
  }
}
