/** One carrier's life: events in and payloads out, answers to pings, and a watch that notices a silent death. */

import type { Carrier, CarrierOwner, Transport } from "./carrier.ts";
import type { Codec, Payload } from "./codec.ts";
import type { Environment } from "./environment.ts";
import { ABNORMAL, type Heartbeat, type ServerEvent } from "./wire.ts";

export interface LinkOwner {
  opened(): void;
  heard(event: ServerEvent): void;
  proven(transport: Transport): void;
  /** The link is over. Called once; nothing else is called after it. */
  down(code: number, reason: string): void;
}

/** The last message of a line that the server closes. */
interface Closed {
  type: "close";
  code: number;
  reason: string;
}

/**
 * Invariants: after `down`, `close` or `abandon` the owner hears nothing more, whatever the carrier still does;
 * at most one timer runs.
 */
export class Link {
  readonly #environment: Environment;
  readonly #codec: Codec;
  readonly #carrier: Carrier;
  #owner: LinkOwner | null;
  #heartbeat: Heartbeat | null = null;
  #timer: unknown;
  /** When the server last said something; null: nothing since the question that the timer waits for. */
  #heardAt: number | null = null;

  constructor(environment: Environment, codec: Codec, owner: LinkOwner, carry: (owner: CarrierOwner) => Carrier) {
    this.#environment = environment;
    this.#codec = codec;
    this.#owner = owner;
    this.#carrier = carry({
      opened: () => this.#owner?.opened(),
      received: (data) => this.#receive(data),
      proven: (transport) => this.#owner?.proven(transport),
      down: (code, reason) => this.#end(code, reason),
    });
  }

  send(payload: Payload): void {
    this.#carrier.send(this.#carrier.textual ? this.#codec.text(payload) : payload);
  }

  /** Dead when there is no word within `ms`; before `watch`, when there is no welcome. */
  expect(ms: number): void {
    this.#environment.clearTimeout(this.#timer);
    this.#timer = this.#environment.setTimeout(() => this.#timeUp(), ms);
  }

  /** The server's rhythm is known: silence beyond it is death. */
  watch(heartbeat: Heartbeat): void {
    this.#heartbeat = heartbeat;
    this.expect(heartbeat.every + heartbeat.patience);
  }

  /** The device woke up: what looked alive may be long dead, so ask, and wait no longer than `patience`. */
  probe(id: number): void {
    if (!this.#heartbeat) return;
    this.#heardAt = null;
    this.#say({ type: "ping", id });
    this.expect(this.#heartbeat.patience);
  }

  /** Has the carrier try something better, if it knows how. */
  climb(id: number): boolean {
    return this.#carrier.climb?.(() => this.#say({ type: "ping", id })) ?? false;
  }

  close(): void {
    this.#detach();
    this.#carrier.close();
  }

  /** Leaves it without ending the session. */
  abandon(): void {
    this.#detach();
    this.#carrier.abandon();
  }

  /** Gives this link up, so that the owner tries another. */
  fail(reason: string): void {
    this.#carrier.abandon();
    this.#end(ABNORMAL, reason);
  }

  /** Timers are not moved at each message, which would cost more than the message: one that rings early is set again. */
  #timeUp(): void {
    const { every, patience } = this.#heartbeat ?? { every: 0, patience: 0 };
    const silent = this.#environment.now() - (this.#heardAt ?? -Infinity);
    if (silent < every + patience) this.expect(every + patience - silent);
    else this.fail("nothing heard from the server");
  }

  #say(command: object): void {
    this.send(this.#codec.encode(command));
  }

  #receive(data: unknown): void {
    this.#heardAt = this.#environment.now();
    let said: (ServerEvent | Closed) | (ServerEvent | Closed)[];
    try {
      said = (typeof data === "string" ? JSON.parse(data) : data instanceof ArrayBuffer ? this.#codec.decode(data) : data) as typeof said;
    } catch {
      return this.fail("the server sent what cannot be read");
    }
    for (const event of Array.isArray(said) ? said : [said]) {
      if (event?.type === "ping") this.#say({ type: "pong" });
      else if (event?.type === "close") {
        this.#carrier.abandon();
        this.#end(event.code, event.reason);
      } else if (event) this.#owner?.heard(event);
    }
  }

  #detach(): LinkOwner | null {
    const owner = this.#owner;
    this.#owner = null;
    this.#environment.clearTimeout(this.#timer);
    return owner;
  }

  #end(code: number, reason: string): void {
    this.#detach()?.down(code, reason);
  }
}
