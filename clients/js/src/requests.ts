/** Commands that await an answer, in the order in which they were made; some outlive the link. */

import type { Codec, Payload } from "./codec.ts";
import type { Environment } from "./environment.ts";
import { EverywireError } from "./errors.ts";
import type { Command, Failed, ServerEvent } from "./wire.ts";

const TOO_BIG = 1009;
/** How many commands may be unanswered on a link: a server rightly closes on who says more than it can work off. */
const WINDOW = 64;

type Numbered = Command & { id: number };

export interface RequestOptions {
  /** Saying it twice does no harm: a key or its nature guards it. So it waits for the next link. */
  repeatable: boolean;
  /** It does not wait for another link, even where it was not said. */
  fleeting?: boolean | undefined;
  /** Ms until it fails; without it, it waits as long as the client lives. */
  timeout?: number | undefined;
  /** Ends it early. */
  signal?: AbortSignal | undefined;
  /** It may be answered late, and holds up nobody behind it. */
  lasting?: boolean;
  /** Called each time that it was sent. */
  sent?: () => void;
  /** Called when it was given up after it was sent: by the signal, or because of the time. */
  abandoned?: () => void;
}

interface Request extends RequestOptions {
  type: Command["type"];
  /** Encoded once, when it was made: what the application does with its data later changes nothing. */
  payload: Payload;
  said: boolean;
  stop(): void;
  resolve(answer: ServerEvent): void;
  reject(error: EverywireError): void;
}

export interface QueueOptions {
  /** How many requests may wait. */
  limit: number;
  /** Who fails where there are too many: the new one, or the oldest publication that was not sent yet. */
  overflow: "reject" | "drop_oldest";
  /** Called where the number of requests has changed. */
  changed(): void;
}

/** Invariants: at most `limit` requests; each promise is settled once; the order of the map is the order of the calls. */
export class Requests {
  readonly #environment: Environment;
  readonly #codec: Codec;
  readonly #options: QueueOptions;
  readonly #waiting = new Map<number, Request>();

  constructor(environment: Environment, codec: Codec, options: QueueOptions) {
    this.#environment = environment;
    this.#codec = codec;
    this.#options = options;
  }

  get size(): number {
    return this.#waiting.size;
  }

  /** Keeps `command` until it is answered. It is not sent: `flush` does that. */
  add(command: Numbered, options: RequestOptions): Promise<ServerEvent> {
    const { id, type } = command;
    const { timeout, signal } = options;
    if (signal?.aborted) return Promise.reject(aborted(type));
    if (this.#waiting.size >= this.#options.limit && !this.#makeRoom()) return Promise.reject(this.#full());
    return new Promise((resolve, reject) => {
      const payload = this.#codec.encode(command);
      const giveUp = (error: EverywireError) => {
        const request = this.#settle(id);
        request?.reject(error);
        if (request?.said) request.abandoned?.();
      };
      const late = () => giveUp(new EverywireError("timeout", `no answer to ${type}`, true));
      const abort = () => giveUp(aborted(type));
      const timer = timeout === undefined ? undefined : this.#environment.setTimeout(late, timeout);
      signal?.addEventListener("abort", abort);
      const stop = () => {
        if (timer !== undefined) this.#environment.clearTimeout(timer);
        signal?.removeEventListener("abort", abort);
      };
      this.#waiting.set(id, { ...options, type, payload, said: false, stop, resolve, reject });
      this.#options.changed();
    });
  }

  /** Sends what was not sent on this link yet, oldest first, as far as the window allows. */
  flush(send: (payload: Payload) => void): void {
    let unanswered = 0;
    for (const request of this.#waiting.values()) {
      if (!request.lasting) unanswered += 1;
      if (unanswered > WINDOW) return;
      if (request.said) continue;
      request.said = true;
      send(request.payload);
      request.sent?.();
    }
  }

  answer(event: ServerEvent & { id: number }): void {
    const request = this.#settle(event.id);
    if (event.type === "error") request?.reject(refusal(event));
    else request?.resolve(event);
  }

  /**
   * The link is lost with `code`: whether a sent command was carried out is unknown, and only the repeatable is said again.
   * Not after "too big", though: what was too big for this link would end the next one too, and so on.
   */
  linkLost(code: number): void {
    const error =
      code === TOO_BIG
        ? new EverywireError(code, "this, or a command sent with it, was too big for the server")
        : new EverywireError("connection-lost", "the connection was lost before the answer", true);
    for (const [id, request] of this.#waiting) {
      if (request.fleeting || (request.said && !(request.repeatable && code !== TOO_BIG))) this.#settle(id)?.reject(error);
      request.said = false;
    }
  }

  failAll(error: EverywireError): void {
    for (const id of [...this.#waiting.keys()]) this.#settle(id)?.reject(error);
  }

  #makeRoom(): boolean {
    if (this.#options.overflow === "reject") return false;
    const oldest = [...this.#waiting].find(([, { type, said }]) => type === "publish" && !said);
    if (oldest) this.#settle(oldest[0])?.reject(this.#full());
    return oldest !== undefined;
  }

  #full(): EverywireError {
    return new EverywireError("queue-full", `${this.#options.limit} commands are already waiting for the server`, true);
  }

  #settle(id: number): Request | undefined {
    const request = this.#waiting.get(id);
    if (!request) return undefined;
    this.#waiting.delete(id);
    request.stop();
    this.#options.changed();
    return request;
  }
}

export function refusal({ code, reason, temporary, data }: Failed): EverywireError {
  return new EverywireError(code, reason, temporary, data);
}

function aborted(type: string): EverywireError {
  return new EverywireError("aborted", `the ${type} was aborted`);
}
