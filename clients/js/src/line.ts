/** A line as a carrier: commands go up in POSTs, one at a time, events come by what `Hearing` finds to work. */

import type { Carrier, CarrierOwner, Transport } from "./carrier.ts";
import type { Payload } from "./codec.ts";
import type { Environment } from "./environment.ts";
import { Hearing, PATIENCE } from "./hearing.ts";
import { ABNORMAL } from "./wire.ts";

export interface LineOptions {
  /** The server's endpoint. */
  url: string;
  /** The ways to hear it, best first, and where to begin. */
  ways: readonly Transport[];
  first: Transport;
}

const TOO_BIG = 1009;
const REFUSED = 4403;
/** What one body holds at most, unless it is one command. */
const MOST_COMMANDS = 64;
const MOST_CHARACTERS = 128 * 1024;
/** Answers that say nothing about the line: a timeout, too early, too many. */
const PASSING = new Set([408, 425, 429]);

/**
 * Invariants: at most one POST under way, said again under its number until it is answered; after `down`, `close` or `abandon`
 * the owner hears nothing more.
 */
export class Line implements Carrier {
  readonly textual = true;
  readonly #options: LineOptions;
  readonly #environment: Environment;
  readonly #abort = new AbortController();
  readonly #queue: string[] = [];
  #owner: CarrierOwner | null;
  /** Where the line is; empty until it is open. */
  #url = "";
  #number = 0;
  #saying = false;
  #hearing: Hearing | undefined;

  constructor(options: LineOptions, environment: Environment, owner: CarrierOwner) {
    this.#options = options;
    this.#environment = environment;
    this.#owner = owner;
    queueMicrotask(() => this.#owner?.opened());
  }

  send(payload: Payload): void {
    if (!this.#owner) return;
    this.#queue.push(payload as string);
    if (this.#saying) return;
    this.#saying = true;
    queueMicrotask(() => void this.#say()); // what is said together goes together
  }

  /** Not awaited: who closes the page has no time. */
  close(): void {
    this.abandon();
    if (this.#url) this.#fetch("DELETE", this.#url, new AbortController().signal).catch(() => undefined);
  }

  abandon(): void {
    this.#owner = null;
    this.#abort.abort();
    this.#hearing?.stop();
  }

  climb(ask: () => void): boolean {
    const climbs = this.#hearing?.climb() ?? false;
    if (climbs) ask();
    return climbs;
  }

  #end(code: number, reason: string): void {
    const owner = this.#owner;
    this.abandon();
    owner?.down(code, reason);
  }

  async #say(): Promise<void> {
    while (this.#owner && this.#queue.length) {
      const body = this.#take();
      if (!(await (this.#url ? this.#insist(body) : this.#begin(body)))) return;
    }
    this.#saying = false;
    this.#hearing?.nudge();
  }

  #take(): string {
    let count = 0;
    for (let length = 0; count < Math.min(this.#queue.length, MOST_COMMANDS); count += 1) {
      length += this.#queue[count]?.length ?? 0;
      if (count && length > MOST_CHARACTERS) break;
    }
    const commands = this.#queue.splice(0, count);
    return count === 1 ? (commands[0] as string) : `[${commands}]`;
  }

  /** Said once: an answer that was lost would leave a line that nobody hears. */
  async #begin(body: string): Promise<boolean> {
    const { url, ways, first } = this.#options;
    try {
      const answer = await this.#fetch("POST", `${url}/lines`, this.#abort.signal, body);
      if (answer.status !== 201) {
        if (!(await this.#over(answer))) this.#end(ABNORMAL, `no line: ${answer.status}`);
        return false;
      }
      const { line }: { line: string } = await answer.json();
      this.#url = `${url}/lines/${encodeURIComponent(line)}`;
    } catch (error) {
      this.#end(ABNORMAL, `no line: ${error}`);
      return false;
    }
    if (!this.#owner) return false;
    this.#hearing = new Hearing(
      {
        url: (way, after, rest = "") => `${this.#url}/${way}?after=${after}${rest}`,
        get: (address, signal) => this.#fetch("GET", address, signal),
        over: (answer) => (answer ? this.#over(answer) : !this.#owner),
        received: (said) => this.#owner?.received(said),
        proven: (way) => this.#owner?.proven(way),
        end: (reason) => this.#end(ABNORMAL, reason),
      },
      ways,
      first,
      this.#environment,
    );
    return true;
  }

  /** Says `body` until it is answered. */
  async #insist(body: string): Promise<boolean> {
    const { now, setTimeout } = this.#environment;
    const url = `${this.#url}?seq=${++this.#number}`;
    const end = now() + PATIENCE;
    for (let pause = 100; ; pause *= 2) {
      try {
        const answer = await this.#fetch("POST", url, this.#abort.signal, body);
        if (answer.ok) return true;
        if (await this.#over(answer)) return false;
      } catch {
        // the network's fault, or our own end
      }
      if (now() >= end) this.#end(ABNORMAL, "the server cannot be reached");
      if (!this.#owner) return false;
      await new Promise<void>((resolve) => setTimeout(resolve, Math.min(pause, 2_000)));
    }
  }

  /** Whether the line is over because of `answer`, which says why if it is the server's own. */
  async #over(answer: Response): Promise<boolean> {
    const { status } = answer;
    if (status < 400 || status >= 500 || PASSING.has(status)) return !this.#owner;
    const said: { code?: number; reason?: string } | null = await answer.json().catch(() => null);
    const told = said?.code ?? 0;
    const code = told >= 1000 ? told : status === 413 ? TOO_BIG : status === 403 && told ? REFUSED : ABNORMAL;
    this.#end(code, said?.reason ?? `the line is over: ${status}`);
    return true;
  }

  #fetch(method: string, url: string, signal: AbortSignal, body?: string): Promise<Response> {
    const { fetch } = this.#environment;
    if (!fetch) return Promise.reject(new Error("no fetch here"));
    // Elsewhere nobody has a use for the token in a body; a WebSocket is not redirected either.
    return fetch(url, { method, signal, redirect: "error", ...(body !== undefined && { body, headers: { "content-type": "application/json" } }) });
  }
}
