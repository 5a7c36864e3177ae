/** Calls both ways: ours to the server, and the server's to our handlers. */

import { report } from "./emitter.ts";
import { EverywireError } from "./errors.ts";
import type { RequestOptions } from "./requests.ts";
import type { Calling, Command, Flow, Remark, ServerEvent } from "./wire.ts";

export interface CallOptions {
  /** Ms until it fails, here and on the server. */
  timeout?: number;
  /** Cancels it. */
  signal?: AbortSignal;
}

/** Answers the server's call; `signal` tells that the server waits no longer. An `EverywireError` with a number is told as it is. */
export type Handler = (data: never, context: { signal: AbortSignal }) => unknown;

export type Call = Command & { type: "call" };

/** A call under way. */
export interface Begun {
  id: number;
  answer: Promise<ServerEvent>;
  say(remark: Remark): void;
}

export interface CallsHost {
  nextId(): number;
  request(command: Command & { id: number }, options: RequestOptions): Promise<ServerEvent>;
  say(remark: Remark): void;
  answerTimeout: number;
}

const INTERNAL = 100;
const UNKNOWN_NAME = 109;
const MOST_REASON = 1000;

/** Invariant: what is told of a call that is over, or of another link's, goes nowhere. */
export class Calls {
  readonly #host: CallsHost;
  readonly #handlers = new Map<string, Handler>();
  readonly #streams = new Map<number, (event: Flow) => void>();
  readonly #running = new Map<number, AbortController>();

  constructor(host: CallsHost) {
    this.#host = host;
  }

  get busy(): boolean {
    return this.#running.size > 0;
  }

  /** Begins a call; `hear` is told what is said of its streams. */
  begin(command: Call, options: Omit<RequestOptions, "repeatable">, hear?: (event: Flow) => void): Begun {
    const id = this.#host.nextId();
    if (hear) this.#streams.set(id, hear);
    const over = () => void this.#streams.delete(id);
    const abandoned = () => this.#host.say({ type: "cancel", id });
    const answer = this.#host.request({ ...command, id }, { ...options, repeatable: false, abandoned });
    answer.then(over, over);
    return { id, answer, say: (remark) => this.#host.say(remark) };
  }

  async call(name: string, data: unknown, { timeout, signal }: CallOptions): Promise<unknown> {
    const command: Call = { type: "call", name, data, ...(timeout !== undefined && { timeout }) };
    const { answer } = this.begin(command, { timeout: timeout ?? this.#host.answerTimeout, signal });
    return ((await answer) as { data: unknown }).data;
  }

  flow(event: Flow): void {
    this.#streams.get(event.id)?.(event);
  }

  // ---- the server's calls

  handle(name: string, handler: Handler): () => void {
    if (this.#handlers.has(name)) throw new Error(`already handled: ${name}`);
    this.#handlers.set(name, handler);
    return () => void this.#handlers.delete(name);
  }

  async called({ call, name, data = null }: Calling): Promise<void> {
    const abort = new AbortController();
    const { signal } = abort;
    this.#running.set(call, abort);
    let answer: Remark;
    try {
      const handler = this.#handlers.get(name);
      if (!handler) throw new EverywireError(UNKNOWN_NAME, `unknown name: ${name}`);
      answer = { type: "answer", call, data: (await handler(data as never, { signal })) ?? null };
    } catch (error) {
      answer = { type: "answer", call, error: fault(error) };
    }
    if (this.#running.get(call) !== abort) return; // nobody waits for it
    this.#running.delete(call);
    this.#host.say(answer);
  }

  cancelled(call: number): void {
    this.#running.get(call)?.abort();
    this.#running.delete(call);
  }

  linkLost(): void {
    for (const call of [...this.#running.keys()]) this.cancelled(call);
  }
}

/** What the server is told; an application's mistake is loud here, and says nothing there. */
function fault(error: unknown): { code: number; reason: string } {
  if (error instanceof EverywireError && typeof error.code === "number") {
    return { code: error.code, reason: error.message.slice(0, MOST_REASON) };
  }
  report(error);
  return { code: INTERNAL, reason: "internal error" };
}
