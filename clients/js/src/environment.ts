/** What the client takes from the world: sockets, requests, a clock, chance, timers, and the signs that a device woke up. */

import type { Payload } from "./codec.ts";

/** The part of a WebSocket that is used; browsers' own, Node's own (22 and later) and the `ws` package's have it. */
export interface Socket {
  readonly readyState: number;
  binaryType: string;
  onopen: ((event: never) => void) | null;
  onmessage: ((event: never) => void) | null;
  onclose: ((event: never) => void) | null;
  onerror: ((event: never) => void) | null;
  send(data: Payload): void;
  close(code?: number, reason?: string): void;
}

export type SocketMaker = new (url: string, protocols: string[]) => Socket;

/** The part of an EventSource that is used. */
export interface Source {
  onmessage: ((event: never) => void) | null;
  onerror: ((event: never) => void) | null;
  close(): void;
}

export type SourceMaker = new (url: string) => Source;

/** The part of `fetch` that is used. */
export type Fetch = (url: string, init: { method: string; body?: string; headers?: Record<string, string>; signal: AbortSignal; redirect?: "error" }) => Promise<Response>;

/** Keeps short texts by name: localStorage and sessionStorage have this shape. */
export interface Memory {
  getItem(name: string): string | null;
  setItem(name: string, text: string): void;
  removeItem(name: string): void;
}

/** Times are milliseconds. Tests hand in their own; applications seldom need to. */
export interface Environment {
  /** Without it, no transport of that kind is tried; the same holds for the next two. */
  WebSocket?: SocketMaker | undefined;
  fetch?: Fetch | undefined;
  EventSource?: SourceMaker | undefined;
  now(): number;
  random(): number;
  setTimeout(callback: () => void, delay: number): unknown;
  clearTimeout(timer: unknown): void;
  /** Calls `wake` when the network or the page is back. Returns a function that ends it. */
  onWake(wake: () => void): () => void;
  /** Calls `hide` when the page is left, and `show` when it is back as it was. Returns a function that ends it. */
  onHide(hide: () => void, show: () => void): () => void;
}

/** Resolves `url` against the page, with http: for ws: and https: for wss:. */
export function endpoint(url: string): string {
  const page = typeof location === "undefined" ? undefined : location.href;
  return new URL(url, page).href.replace(/^ws/, "http");
}

export function defaultEnvironment(given: Partial<Environment>): Environment {
  return {
    WebSocket: globalThis.WebSocket as unknown as SocketMaker | undefined,
    fetch: globalThis.fetch && ((url, init) => fetch(url, init)),
    EventSource: globalThis.EventSource as unknown as SourceMaker | undefined,
    now: () => Date.now(),
    random: Math.random,
    setTimeout: (callback, delay) => setTimeout(callback, delay),
    clearTimeout: (timer) => clearTimeout(timer as number),
    onWake: onPageWake,
    onHide: onPageHide,
    ...given,
  };
}

/** The page's own memory, or one that lasts as long as the process. */
export function defaultMemory(): Memory {
  try {
    if (typeof document !== "undefined") return localStorage;
  } catch {
    // cookies are blocked here
  }
  return heap;
}

const kept = new Map<string, string>();
const heap: Memory = {
  getItem: (name) => kept.get(name) ?? null,
  setItem: (name, text) => void kept.set(name, text),
  removeItem: (name) => void kept.delete(name),
};

/** `online`: the network is back. `pageshow` and a visible page: timers may have stood still for hours. */
function onPageWake(wake: () => void): () => void {
  if (typeof document === "undefined") return () => undefined;
  const visible = () => document.visibilityState === "visible" && wake();
  const stops = [listen(globalThis, "online", wake), listen(globalThis, "pageshow", wake), listen(document, "visibilitychange", visible)];
  return () => stops.forEach((stop) => stop());
}

function onPageHide(hide: () => void, show: () => void): () => void {
  if (typeof document === "undefined") return () => undefined;
  const stops = [listen(globalThis, "pagehide", hide), listen(globalThis, "pageshow", show)];
  return () => stops.forEach((stop) => stop());
}

function listen(target: EventTarget, name: string, listener: () => void): () => void {
  target.addEventListener(name, listener);
  return () => target.removeEventListener(name, listener);
}
