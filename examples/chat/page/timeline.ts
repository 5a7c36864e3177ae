/** The messages of a room in their right order: the log's, then ours that the server has not confirmed. No I/O. */

import type { Person } from "./words.ts";

/** "sending": not confirmed. "sent": the server has it. "failed": it never will, unless it is sent again. */
export type Progress = "sending" | "sent" | "failed";

export interface Message {
  /** Made by its author; what recognises our own message when it comes back. */
  id: string;
  author: Person;
  text: string;
  /** Milliseconds since 1970: the server's, or ours until it is known. */
  time: number;
  /** Its place in the log; undefined until it is there. */
  offset?: number;
  progress: Progress;
}

/** A message as it is shown: whether a day, or a run of one author's messages, begins with it. */
export interface Row {
  message: Message;
  newDay: boolean;
  newRun: boolean;
  endOfRun: boolean;
}

const MOST_SHOWN = 500;
const RUN_PAUSE = 5 * 60_000;

/**
 * Invariants: offsets of `#kept` rise; no id is in it twice; a message of ours is in `#ours` until its publication arrives.
 */
export class Timeline {
  #kept: Message[] = [];
  #ours: Message[] = [];

  /** Ours, shown before the server has it. */
  send(message: Omit<Message, "offset" | "progress">): void {
    this.#ours.push({ ...message, progress: "sending" });
  }

  /** The log has it. Returns false for what was known already. */
  receive(message: Omit<Message, "progress"> & { offset: number }): boolean {
    this.#ours = this.#ours.filter(({ id }) => id !== message.id);
    const last = this.#kept.at(-1)?.offset ?? 0;
    if (message.offset <= last || this.#kept.some(({ id }) => id === message.id)) return false;
    this.#kept = [...this.#kept, { ...message, progress: "sent" as const }].slice(-MOST_SHOWN);
    return true;
  }

  mark(id: string, progress: Progress): void {
    this.#ours = this.#ours.map((message) => (message.id === id ? { ...message, progress } : message));
  }

  /** Takes back what failed, to send it again or not at all. */
  withdraw(id: string): Message | undefined {
    const message = this.#ours.find((one) => one.id === id);
    this.#ours = this.#ours.filter((one) => one.id !== id);
    return message;
  }

  /** The log was lost, or another one begins: what is not confirmed stays. */
  forget(): void {
    this.#kept = [];
  }

  rows(): Row[] {
    const all = [...this.#kept, ...this.#ours];
    return all.map((message, index) => {
      const [before, after] = [all[index - 1], all[index + 1]];
      return { message, newDay: !before || !sameDay(before, message), newRun: !sameRun(before, message), endOfRun: !sameRun(message, after) };
    });
  }
}

function sameDay(one: Message, other: Message): boolean {
  return new Date(one.time).toDateString() === new Date(other.time).toDateString();
}

function sameRun(one: Message | undefined, other: Message | undefined): boolean {
  if (!one || !other || one.author.id !== other.author.id || one.author.name !== other.author.name) return false;
  return sameDay(one, other) && other.time - one.time < RUN_PAUSE;
}
