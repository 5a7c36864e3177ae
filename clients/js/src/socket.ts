/** A WebSocket as a carrier. */

import type { Carrier, CarrierOwner } from "./carrier.ts";
import type { Payload } from "./codec.ts";
import type { Socket, SocketMaker } from "./environment.ts";
import { NORMAL, SILENT } from "./wire.ts";

const OPEN = 1;

/** Invariant: the owner hears nothing after `down`, `close` or `abandon`, whatever the socket still does. */
export class SocketCarrier implements Carrier {
  readonly textual = false;
  readonly #socket: Socket;
  #owner: CarrierOwner | null;

  constructor(WebSocket: SocketMaker, url: string, subprotocol: string, owner: CarrierOwner) {
    this.#owner = owner;
    const socket = new WebSocket(url.replace(/^http/, "ws"), [subprotocol]);
    this.#socket = socket;
    socket.binaryType = "arraybuffer";
    socket.onopen = () => this.#owner?.opened();
    socket.onmessage = (event: { data: unknown }) => this.#owner?.received(event.data);
    socket.onclose = (event: { code: number; reason: string }) => this.#silence()?.down(event.code, event.reason);
    socket.onerror = () => undefined; // a close event follows and tells more
  }

  send(payload: Payload): void {
    if (this.#socket.readyState === OPEN) this.#socket.send(payload);
  }

  close(): void {
    this.#silence();
    this.#socket.close(NORMAL);
  }

  /** Its own close event may take a minute on a dead network: nobody waits for it. */
  abandon(): void {
    this.#silence();
    this.#socket.close(SILENT); // after 1000 the server would end the session
  }

  #silence(): CarrierOwner | null {
    const owner = this.#owner;
    this.#owner = null;
    return owner;
  }
}
