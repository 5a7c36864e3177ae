/** One WebSocket's life: JSON in and out, answers to pings, and a watch that notices a silent death. */

import type { Environment, Socket } from "./environment.ts";
import { ABNORMAL, type Heartbeat, NORMAL, type ServerEvent, SUBPROTOCOL } from "./wire.ts";

export interface LinkOwner {
  opened(): void;
  heard(event: ServerEvent): void;
  /** The link is over. Called once; nothing else is called after it. */
  down(code: number, reason: string): void;
}

const OPEN = 1;

/**
 * Invariants: after `down` or `close` the owner hears nothing more, whatever the socket still does;
 * at most one timer runs.
 */
export class Link {
  readonly #environment: Environment;
  readonly #socket: Socket;
  #owner: LinkOwner | null;
  #heartbeat: Heartbeat | null = null;
  #timer: unknown;
  /** When the server last said something; null: nothing since the question that the timer waits for. */
  #heardAt: number | null = null;

  constructor(url: string, environment: Environment, owner: LinkOwner) {
    this.#environment = environment;
    this.#owner = owner;
    const socket = new environment.WebSocket(url, [SUBPROTOCOL]);
    this.#socket = socket;
    socket.onopen = () => this.#owner?.opened();
    socket.onmessage = (event: { data: unknown }) => this.#receive(event.data);
    socket.onclose = (event: { code: number; reason: string }) => this.#end(event.code, event.reason);
    socket.onerror = () => undefined; // a close event follows and tells more
  }

  /** Sends encoded commands. On a socket that is closing it does nothing: `down` follows, and what mattered is said again. */
  send(text: string): void {
    if (this.#socket.readyState === OPEN) this.#socket.send(text);
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
    this.send(`{"type":"ping","id":${id}}`);
    this.expect(this.#heartbeat.patience);
  }

  close(): void {
    this.#owner = null;
    this.#environment.clearTimeout(this.#timer);
    this.#socket.close(NORMAL);
  }

  /** Gives this link up, so that the owner tries another. */
  fail(reason: string): void {
    this.#socket.close(NORMAL); // its own close event may take a minute on a dead network: do not wait for it
    this.#end(ABNORMAL, reason);
  }

  /** Timers are not moved at each message, which would cost more than the message: one that rings early is set again. */
  #timeUp(): void {
    const { every, patience } = this.#heartbeat ?? { every: 0, patience: 0 };
    const silent = this.#environment.now() - (this.#heardAt ?? Number.NEGATIVE_INFINITY);
    if (silent < every + patience) this.expect(every + patience - silent);
    else this.fail("nothing heard from the server");
  }

  #receive(text: unknown): void {
    this.#heardAt = this.#environment.now();
    let said: ServerEvent | ServerEvent[];
    try {
      said = JSON.parse(text as string);
    } catch {
      return this.fail("the server sent what is not JSON");
    }
    for (const event of Array.isArray(said) ? said : [said]) {
      if (event?.type === "ping") this.send('{"type":"pong"}');
      else if (event) this.#owner?.heard(event);
    }
  }

  #end(code: number, reason: string): void {
    const owner = this.#owner;
    this.#owner = null;
    this.#environment.clearTimeout(this.#timer);
    owner?.down(code, reason);
  }
}
