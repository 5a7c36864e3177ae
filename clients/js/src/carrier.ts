/** What carries payloads between us and the server: a WebSocket, or a line of HTTP requests. */

import type { Payload } from "./codec.ts";

/** From the best to the one that gets through everywhere. All but the first are ways of hearing a line. */
export type Transport = "websocket" | "stream" | "sse" | "poll" | "interval";

export const TRANSPORTS: readonly Transport[] = ["websocket", "stream", "sse", "poll", "interval"];

export interface CarrierOwner {
  /** Commands may be sent. */
  opened(): void;
  /** A payload as it came, or what JSON said, already read. */
  received(data: unknown): void;
  /** It is heard by `transport` now, and that this works is proven. */
  proven(transport: Transport): void;
  /** The carrier is over. Called once; nothing else is called after it. */
  down(code: number, reason: string): void;
}

export interface Carrier {
  /** Whether it carries JSON text alone. */
  readonly textual: boolean;
  /** Sends a payload, or nothing where the carrier is closing: `down` follows, and what mattered is said again. */
  send(payload: Payload): void;
  /** Ends it, and the session with it. */
  close(): void;
  /** Gives it up, but not the session, which goes on elsewhere. */
  abandon(): void;
  /** Tries a better way to hear the server; `ask` makes the server say something. False: there is none. */
  climb?(ask: () => void): boolean;
}
