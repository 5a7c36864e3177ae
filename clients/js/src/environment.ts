/** What the client takes from the world: sockets, a clock, chance, timers and the signs that a device woke up. */

/** The part of a WebSocket that is used; browsers' own, Node's own (22 and later) and the `ws` package's have it. */
export interface Socket {
  readonly readyState: number;
  onopen: ((event: never) => void) | null;
  onmessage: ((event: never) => void) | null;
  onclose: ((event: never) => void) | null;
  onerror: ((event: never) => void) | null;
  send(data: string): void;
  close(code?: number, reason?: string): void;
}

export type SocketMaker = new (url: string, protocols: string[]) => Socket;

/** Times are milliseconds. Tests hand in their own; applications seldom need to. */
export interface Environment {
  WebSocket: SocketMaker;
  now(): number;
  random(): number;
  setTimeout(callback: () => void, delay: number): unknown;
  clearTimeout(timer: unknown): void;
  /** Calls `wake` when the network or the page is back. Returns a function that ends it. */
  onWake(wake: () => void): () => void;
}

/** Resolves `url` against the page, with ws: for http: and wss: for https:. */
export function socketUrl(url: string): string {
  const page = typeof location === "undefined" ? undefined : location.href;
  return new URL(url, page).href.replace(/^http/, "ws");
}

export function defaultEnvironment(given: Partial<Environment>): Environment {
  const WebSocket = given.WebSocket ?? (globalThis.WebSocket as unknown as SocketMaker | undefined);
  if (!WebSocket) throw new Error("no WebSocket here: hand one in, as in new Client(url, { WebSocket })");
  return {
    now: () => Date.now(),
    random: Math.random,
    setTimeout: (callback, delay) => setTimeout(callback, delay),
    clearTimeout: (timer) => clearTimeout(timer as number),
    onWake: onPageWake,
    ...given,
    WebSocket,
  };
}

/** `online`: the network is back. `pageshow` and a visible page: timers may have stood still for hours. */
function onPageWake(wake: () => void): () => void {
  if (typeof document === "undefined") return () => undefined;
  const visible = () => {
    if (document.visibilityState === "visible") wake();
  };
  addEventListener("online", wake);
  addEventListener("pageshow", wake);
  document.addEventListener("visibilitychange", visible);
  return () => {
    removeEventListener("online", wake);
    removeEventListener("pageshow", wake);
    document.removeEventListener("visibilitychange", visible);
  };
}
