/** A server of lines as the protocol has them, and a network that may stand in the way of each kind of request. */

import type { Environment, Fetch, Source } from "../src/environment.ts";
import { type FakeWorld, WELCOME } from "./fakes.ts";

// biome-ignore lint/suspicious/noExplicitAny: a test reads whatever the client sent
type Sent = any;

interface Line {
  id: string;
  messages: object[];
  seq: number;
  /** Tells whoever listens that there is something new, or that it is over. */
  changed: () => void;
  /** Ends the answer that is under way, as a network does. */
  cut: () => void;
  closed?: { code: number; reason: string };
}

type Way = "lines" | "up" | "stream" | "sse" | "poll";

/** What becomes of a request: "buffered": the answer is kept back until it ends; "lost": it is carried out, and the answer is not heard. */
type Fate = "buffered" | "lost" | "dead" | number;

export class FakeLines {
  readonly world: FakeWorld;
  lines: Line[] = [];
  sent: Sent[] = [];
  requests: string[] = [];
  /** What the network does to requests: once for each in the list, or always. */
  fates: Partial<Record<Way, Fate | Fate[]>> = {};
  welcome: object = {};

  constructor(world: FakeWorld) {
    this.world = world;
  }

  /** What a client takes from here: everything but WebSockets, unless the world has them. */
  environment(sockets = true): Partial<Environment> {
    const server = this;
    const { environment } = this.world;
    const EventSource = class implements Source {
      onmessage: Source["onmessage"] = null;
      onerror: Source["onerror"] = null;
      #abort = new AbortController();
      constructor(url: string) {
        void server.#events(new URL(url), this, this.#abort.signal);
      }
      close() {
        this.#abort.abort();
      }
    };
    return { ...environment, ...(!sockets && { WebSocket: undefined }), fetch: this.fetch, EventSource };
  }

  get line(): Line {
    const line = this.lines.at(-1);
    if (!line) throw new Error("no line was opened");
    return line;
  }

  say(...events: object[]): void {
    this.line.messages.push(...events);
    this.line.changed();
  }

  close(code: number, reason: string): void {
    this.line.closed = { code, reason };
    this.line.changed();
  }

  /** The first command of this type that was not taken yet. */
  take(type: string): Sent {
    const index = this.sent.findIndex((command) => command.type === type);
    if (index < 0) throw new Error(`no ${type} was sent`);
    return this.sent.splice(index, 1)[0];
  }

  fetch: Fetch = async (address, { method, body, signal }) => {
    const url = new URL(address);
    const [, , id, way = method === "POST" ? "up" : "end"] = url.pathname.split("/").slice(1);
    const kind = (id ? way : "lines") as Way;
    this.requests.push(`${method} ${[id && kind, url.search].filter(Boolean).join("") || "lines"}`);
    const fate = this.#fate(kind);
    if (fate === "dead") throw new TypeError("network error");
    if (typeof fate === "number") return new Response("<html>", { status: fate });
    const aborted = new Promise<never>((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
    aborted.catch(() => undefined);
    const answer = await Promise.race([this.#answer(kind, id, url, body, signal, fate === "buffered"), aborted]);
    if (fate === "lost") throw new TypeError("network error");
    return answer;
  };

  #fate(way: Way): Fate | undefined {
    const fates = this.fates[way];
    return Array.isArray(fates) ? fates.shift() : fates;
  }

  async #answer(way: Way | "end", id: string | undefined, url: URL, body: string | undefined, signal: AbortSignal, buffered: boolean): Promise<Response> {
    if (!id) {
      const line: Line = { id: `n.${this.lines.length}`, messages: [], seq: 0, changed: () => undefined, cut: () => undefined };
      this.lines.push(line);
      this.#heard(line, body ?? "[]");
      return Response.json({ line: line.id }, { status: 201 });
    }
    const line = this.lines.find((each) => each.id === id);
    if (!line) return Response.json({ code: 404, reason: "no such line" }, { status: 404 });
    if (line.closed) return Response.json(line.closed, { status: 410 });
    if (way === "end") {
      this.lines = this.lines.filter((each) => each !== line);
      return new Response(null, { status: 204 });
    }
    if (way === "up") return this.#up(line, Number(url.searchParams.get("seq")), body ?? "");
    const after = Number(url.searchParams.get("after"));
    if (after > line.messages.length) return new Response(null, { status: 409 });
    if (way === "poll") return this.#poll(line, after, Number(url.searchParams.get("wait")));
    return this.#stream(line, after, signal, buffered);
  }

  #up(line: Line, seq: number, body: string): Response {
    if (seq > line.seq + 1) return new Response(null, { status: 409 });
    if (seq === line.seq + 1) {
      line.seq = seq;
      this.#heard(line, body);
    }
    return new Response(null, { status: 204 });
  }

  #heard(line: Line, body: string): void {
    const said = JSON.parse(body);
    for (const command of Array.isArray(said) ? said : [said]) {
      if (command.type === "connect") line.messages.push({ ...WELCOME, id: command.id, resumed: command.resume !== undefined, ...this.welcome });
      if (command.type === "ping") line.messages.push({ type: "pong", id: command.id });
      this.sent.push(command);
    }
    line.changed();
  }

  async #poll(line: Line, after: number, wait: number): Promise<Response> {
    if (wait && after === line.messages.length) {
      await new Promise<void>((resolve, reject) => {
        line.changed = resolve;
        line.cut = () => reject(new TypeError("network error"));
        this.world.environment.setTimeout?.(resolve, wait);
      });
    }
    return line.closed ? Response.json(line.closed, { status: 410 }) : Response.json(line.messages.slice(after));
  }

  #stream(line: Line, after: number, signal: AbortSignal, buffered: boolean): Response | Promise<Response> {
    if (buffered) return new Promise(() => undefined);
    let told = after;
    const body = new ReadableStream<Uint8Array>({
      start: (controller) => {
        const write = (text: string) => controller.enqueue(new TextEncoder().encode(text));
        line.changed = () => {
          if (signal.aborted) return;
          for (; told < line.messages.length; told += 1) write(`${JSON.stringify(line.messages[told])}\n`);
          if (!line.closed) return;
          write(`${JSON.stringify({ type: "close", ...line.closed })}\n`);
          controller.close();
        };
        line.cut = () => controller.error(new TypeError("network error"));
        signal.addEventListener("abort", () => controller.error(signal.reason));
        line.changed();
      },
    });
    return new Response(body);
  }

  async #events(url: URL, source: Source, signal: AbortSignal): Promise<void> {
    try {
      const answer = await this.fetch(url.href, { method: "GET", signal });
      if (answer.status !== 200) throw new Error("refused");
      const decoder = new TextDecoderStream();
      const reader = (answer.body as ReadableStream<Uint8Array<ArrayBuffer>>).pipeThrough(decoder).getReader();
      for (;;) {
        const { done, value } = await reader.read();
        if (done) break;
        for (const data of value.split("\n")) if (data && !signal.aborted) source.onmessage?.({ data } as never);
      }
    } catch {
      // told below
    }
    if (!signal.aborted) source.onerror?.({} as never);
  }
}
