/** Commands that await an answer, in the order in which they were made; some outlive the link. */

import type { Environment } from "./environment.ts";
import { EverywireError } from "./errors.ts";
import type { Command, Failed, ServerEvent } from "./wire.ts";

const TOO_BIG = 1009;
/** How many commands may be unanswered on a link: a server rightly closes on who says more than it can work off. */
const WINDOW = 64;

type Numbered = Command & { id: number };

interface Request {
  /** Encoded once, when it was made: what the application does with its data later changes nothing. */
  text: string;
  sent: boolean;
  /** Saying it twice does no harm: a key or its nature guards it. So it waits for the next link. */
  repeatable: boolean;
  timer: unknown;
  resolve(answer: ServerEvent): void;
  reject(error: EverywireError): void;
}

export interface RequestOptions {
  repeatable: boolean;
  /** Ms until it fails; without it, it waits as long as the client lives. */
  timeout?: number;
}

/** Invariants: at most `limit` requests; each promise is settled once; the order of the map is the order of the calls. */
export class Requests {
  readonly #environment: Environment;
  readonly #limit: number;
  readonly #waiting = new Map<number, Request>();

  constructor(environment: Environment, limit: number) {
    this.#environment = environment;
    this.#limit = limit;
  }

  get size(): number {
    return this.#waiting.size;
  }

  /** Keeps `command` until it is answered. It is not sent: `flush` does that. */
  add(command: Numbered, { repeatable, timeout }: RequestOptions): Promise<ServerEvent> {
    if (this.#waiting.size >= this.#limit) {
      const reason = `${this.#limit} commands are already waiting for the server`;
      return Promise.reject(new EverywireError("queue-full", reason, true));
    }
    return new Promise((resolve, reject) => {
      const text = JSON.stringify(command);
      const fail = () => this.#settle(command.id)?.reject(new EverywireError("timeout", `no answer to ${command.type}`, true));
      const timer = timeout === undefined ? undefined : this.#environment.setTimeout(fail, timeout);
      this.#waiting.set(command.id, { text, sent: false, repeatable, timer, resolve, reject });
    });
  }

  /** Sends what was not sent on this link yet, oldest first, as far as the window allows. */
  flush(send: (text: string) => void): void {
    let unanswered = 0;
    for (const request of this.#waiting.values()) {
      unanswered += 1;
      if (unanswered > WINDOW) return;
      if (!request.sent) {
        request.sent = true;
        send(request.text);
      }
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
      if (request.sent && !(request.repeatable && code !== TOO_BIG)) this.#settle(id)?.reject(error);
      request.sent = false;
    }
  }

  failAll(error: EverywireError): void {
    for (const id of [...this.#waiting.keys()]) this.#settle(id)?.reject(error);
  }

  #settle(id: number): Request | undefined {
    const request = this.#waiting.get(id);
    this.#waiting.delete(id);
    if (request?.timer !== undefined) this.#environment.clearTimeout(request.timer);
    return request;
  }
}

export function refusal({ code, reason, temporary }: Failed): EverywireError {
  return new EverywireError(code, reason, temporary);
}
