/** Which transports there are here, in which order they are tried, and which of them worked the last time. */

import { type Transport, TRANSPORTS } from "./carrier.ts";
import type { Environment, Memory } from "./environment.ts";

/** Ms that it is remembered which transport worked. */
const REMEMBERED = 24 * 3_600_000;
/** Ms until a better transport is tried again: at first, and at most. */
const SOON = 30_000;
const LATE = 3_600_000;

/** Invariant: a round names the WebSocket and the line at most once each, first what worked the last time. */
export class Ladder {
  /** Ways to hear a line, best first. */
  readonly ways: readonly Transport[];
  readonly #order: readonly Transport[];
  readonly #now: () => number;
  readonly #memory: Memory;
  readonly #name: string;
  #patience = SOON;

  constructor(url: string, order: readonly Transport[] = TRANSPORTS, environment: Environment, memory: Memory) {
    const { WebSocket, fetch, EventSource, now } = environment;
    this.#order = order.filter((transport) => (transport === "websocket" ? WebSocket : fetch && (transport !== "sse" || EventSource)));
    if (!this.#order.length) throw new Error("no WebSocket here: hand one in, as in new Client(url, { WebSocket })");
    this.ways = this.#order.filter((transport) => transport !== "websocket");
    this.#now = now;
    this.#memory = memory;
    this.#name = `everywire:transport:${url}`;
  }

  /** What to try, one after another: a WebSocket, or a line that is heard by the named way at first. */
  round(): Transport[] {
    const known = this.#remembered();
    const first = known ?? (this.#order[0] as Transport);
    const line = this.ways[0];
    const others: (Transport | undefined)[] = first === "websocket" ? [line] : [this.#order.includes("websocket") ? "websocket" : undefined];
    return [first, ...others.filter((transport) => transport !== undefined)];
  }

  /** Whether there is something better than `transport`. */
  improves(transport: Transport): boolean {
    return this.#order.indexOf(transport) > 0;
  }

  /** Whether a WebSocket is better than `transport`. */
  get prefersSocket(): boolean {
    return this.#order[0] === "websocket";
  }

  worked(transport: Transport): void {
    this.#guard(() => {
      if (transport === this.#order[0]) this.#memory.removeItem(this.#name);
      else this.#memory.setItem(this.#name, `${transport} ${this.#now() + REMEMBERED}`);
    });
  }

  forget(): void {
    this.#guard(() => this.#memory.removeItem(this.#name));
  }

  /** Ms until it is time to try something better: longer each time, from the start where the network may be another. */
  patience(fresh: boolean): number {
    const ms = fresh ? SOON : this.#patience;
    this.#patience = Math.min(2 * ms, LATE);
    return ms;
  }

  #remembered(): Transport | undefined {
    const [transport, until] = (this.#guard(() => this.#memory.getItem(this.#name)) ?? "").split(" ") as [Transport, string];
    return this.#order.includes(transport) && Number(until) > this.#now() ? transport : undefined;
  }

  /** A full or forbidden memory is no memory. */
  #guard<T>(use: () => T): T | undefined {
    try {
      return use();
    } catch {
      return undefined;
    }
  }
}
