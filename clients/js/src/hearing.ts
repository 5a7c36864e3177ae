/** How we hear a line: by a stream, server-sent events, long polls or short ones, whichever gets through. */

import type { Transport } from "./carrier.ts";
import type { Environment } from "./environment.ts";

/** The line as its hearing sees it. */
export interface Heard {
  /** Where to ask for what comes after the messages that were counted. */
  url(way: string, after: number, rest?: string): string;
  get(url: string, signal: AbortSignal): Promise<Response>;
  /** Whether the line is over, also because of `answer`. */
  over(answer?: Response): Promise<boolean> | boolean;
  received(said: unknown): void;
  proven(way: Transport): void;
  end(reason: string): void;
}

/** "buffered": nothing came though the server must have said something; "moved": another way is tried. */
type Outcome = "ended" | "failed" | "buffered" | "moved";

/** Ms within which a way has to bring the server's first word. */
const PROBE = 2_000;
/** Ms between two short polls, unless we have said something. */
const INTERVAL = 2_000;
/** Ms between the short polls that look for the answer to what was said. */
const SOON = [50, 100, 200];
/** Ms that a long poll asks for. */
const LONG = 25_000;
/** Ms after which a request that fails had hung. */
const HUNG = 1_000;
/** Ms of nothing but failures after which a line is lost: as long as a session lingers. */
export const PATIENCE = 10_000;

/**
 * Invariants: one request under way at a time; every message is counted once, and asked for again until it is; a way that is not
 * proven is left at its first failure, a proven one only for a better one, long polls also where they are cut twice.
 */
export class Hearing {
  readonly #line: Heard;
  readonly #ways: readonly Transport[];
  readonly #environment: Environment;
  #way: number;
  /** The way that worked before the one that is tried now. */
  #before: number | undefined;
  #proven = false;
  #after = 0;
  #failures = 0;
  /** Short polls that have looked for the answer to what was said last. */
  #looks = SOON.length;
  /** When it could be heard last, as far as we know. */
  #good: number;
  #abort = new AbortController();
  #wake: () => void = () => undefined;

  constructor(line: Heard, ways: readonly Transport[], first: Transport, environment: Environment) {
    this.#line = line;
    this.#ways = ways;
    this.#way = Math.max(0, ways.indexOf(first));
    this.#environment = environment;
    this.#good = environment.now();
    void this.#run();
  }

  stop(): void {
    this.#abort.abort();
    this.#wake();
  }

  /** Something was said: an answer may be there already, or soon. */
  nudge(): void {
    if (this.#ways[this.#way] !== "interval") return;
    this.#looks = 0;
    this.#wake();
  }

  /** Tries the next better way. False: there is none, or one is tried already. */
  climb(): boolean {
    if (!this.#way || !this.#proven) return false;
    this.#before = this.#way;
    this.#go(this.#way - 1);
    this.#abort.abort();
    this.#wake();
    return true;
  }

  #go(way: number): void {
    this.#way = way;
    this.#proven = false;
    this.#failures = 0;
  }

  async #run(): Promise<void> {
    while (!(await this.#line.over())) {
      this.#abort = new AbortController();
      const { signal } = this.#abort;
      const asked = this.#environment.now();
      const after = this.#after;
      const outcome = await this.#listen(this.#ways[this.#way] as Transport, signal);
      if (await this.#line.over()) return;
      if (signal.aborted && outcome !== "buffered") continue; // a better way is tried
      if (outcome === "ended") {
        this.#failures = 0;
        this.#good = this.#environment.now();
        if (after !== this.#after) continue;
        if (this.#ways[this.#way] === "interval") await this.#pause(SOON[this.#looks++] ?? INTERVAL);
        else if (this.#good - asked < 100) await this.#pause(250); // it ends at once, and again
      } else {
        // What hung was cut by somebody on the way, who may do so every time; only what fails at once, again and again, is over.
        if (!this.#failures || this.#environment.now() - asked >= HUNG) this.#good = this.#environment.now();
        await this.#failed(outcome);
      }
    }
  }

  #listen(way: Transport, signal: AbortSignal): Promise<Outcome> {
    if (way === "stream") return this.#probed(signal, (abort) => this.#stream(abort));
    if (way === "sse") return this.#probed(signal, (abort) => this.#events(abort));
    return this.#poll(signal, way === "poll" ? LONG : 0);
  }

  async #failed(outcome: Outcome): Promise<void> {
    const last = this.#way + 1 === this.#ways.length;
    if (!this.#proven && this.#before !== undefined) {
      this.#go(this.#before);
      this.#before = undefined;
      this.#proven = true;
    } else if (!last && (!this.#proven || (this.#ways[this.#way] === "poll" && this.#failures))) {
      // Who buffers one stream buffers the other: that costs another probe, so it is tried when there is time for it.
      const poll = this.#ways.indexOf("poll");
      this.#go(outcome === "buffered" && poll > this.#way ? poll : this.#way + 1);
    } else if (this.#environment.now() - this.#good >= PATIENCE) this.#line.end("the server cannot be heard");
    else await this.#pause(Math.min(100 * 2 ** this.#failures++, 2_000));
  }

  #heard(said: unknown): void {
    this.#after += 1;
    this.#failures = 0;
    this.#prove();
    this.#line.received(said);
  }

  #prove(): void {
    if (this.#proven) return;
    this.#proven = true;
    this.#before = undefined;
    this.#line.proven(this.#ways[this.#way] as Transport);
  }

  /** Gives `listen` up where nothing is heard by a way that is not proven. */
  async #probed(signal: AbortSignal, listen: (signal: AbortSignal) => Promise<Outcome>): Promise<Outcome> {
    const abort = new AbortController();
    const stop = () => abort.abort();
    signal.addEventListener("abort", stop);
    let buffered = false;
    const late = () => {
      buffered = !this.#proven;
      if (buffered) stop();
    };
    const timer = this.#environment.setTimeout(late, PROBE);
    const outcome = await listen(abort.signal);
    this.#environment.clearTimeout(timer);
    signal.removeEventListener("abort", stop);
    return buffered ? "buffered" : outcome;
  }

  async #stream(signal: AbortSignal): Promise<Outcome> {
    try {
      const answer = await this.#line.get(this.#line.url("stream", this.#after), signal);
      const reader = answer.status === 200 ? answer.body?.getReader() : undefined;
      if (!reader) return (await this.#line.over(answer)) ? "ended" : "failed";
      const decoder = new TextDecoder();
      for (let rest = ""; ; ) {
        const { done, value } = await reader.read();
        if (done) return this.#proven ? "ended" : "failed";
        const lines = (rest + decoder.decode(value, { stream: true })).split("\n");
        rest = lines.pop() ?? "";
        for (const line of lines) if (line.trim() && !signal.aborted) this.#heard(line);
      }
    } catch {
      return "failed";
    }
  }

  async #events(signal: AbortSignal): Promise<Outcome> {
    const { EventSource } = this.#environment;
    if (!EventSource) return "failed";
    const source = new EventSource(this.#line.url("sse", this.#after));
    await new Promise<void>((resolve) => {
      source.onmessage = ({ data }: { data: string }) => this.#heard(data);
      source.onerror = () => resolve();
      signal.addEventListener("abort", () => resolve());
    });
    source.close(); // it would come back by itself, and ask for what we have
    if (signal.aborted || !this.#proven) return "failed";
    return this.#poll(signal, 0); // it does not say why it ended
  }

  async #poll(signal: AbortSignal, wait: number): Promise<Outcome> {
    try {
      const answer = await this.#line.get(this.#line.url("poll", this.#after, `&wait=${wait}`), signal);
      if (answer.status !== 200) return (await this.#line.over(answer)) ? "ended" : "failed";
      const messages: unknown[] = await answer.json();
      if (signal.aborted) return "moved"; // they are asked for again
      this.#prove();
      for (const message of messages) this.#heard(message);
      return "ended";
    } catch {
      return "failed";
    }
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = this.#environment.setTimeout(resolve, ms);
      this.#wake = () => {
        this.#environment.clearTimeout(timer);
        resolve();
      };
    });
  }
}
