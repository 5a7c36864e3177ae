/** Where one writes: grows with the text, Enter sends, tells that somebody is typing, keeps a draft per room. */

import { byId } from "./dom.ts";
import { LONGEST_MESSAGE } from "./words.ts";

export interface ComposerListener {
  say(text: string): void;
  typing(now: boolean): void;
}

const WARN_LEFT = 500;

export class Composer {
  #area = byId<HTMLTextAreaElement>("composer");
  #left = byId("left");
  #send = byId<HTMLButtonElement>("send");
  #listener: ComposerListener;
  #drafts = new Map<string, string>();
  #room = "";

  constructor(listener: ComposerListener) {
    this.#listener = listener;
    this.#area.addEventListener("input", () => this.#changed());
    this.#area.addEventListener("keydown", (event) => this.#key(event));
    byId("composer-form").addEventListener("submit", (event) => {
      event.preventDefault();
      this.#submit();
    });
  }

  /** Another room, with its own draft. */
  enter(room: string): void {
    this.#drafts.set(this.#room, this.#area.value);
    this.#room = room;
    this.#area.placeholder = `Message #${room}`;
    this.#set(this.#drafts.get(room) ?? "");
  }

  focus(): void {
    // On a touch screen the keyboard would cover half of what one came to read.
    if (matchMedia("(hover: hover)").matches) this.#area.focus();
  }

  #changed(): void {
    this.#listener.typing(this.#area.value.trim() !== "");
    this.#fit();
  }

  /** Enter sends, except where an input method is still composing a word. */
  #key(event: KeyboardEvent): void {
    if (event.key !== "Enter" || event.shiftKey || event.isComposing || event.keyCode === 229) return;
    event.preventDefault();
    this.#submit();
  }

  #submit(): void {
    const text = this.#area.value.replace(/\s+$/, "").replace(/^\n+/, "");
    if (!text) return;
    this.#set("");
    this.#listener.say(text);
    this.#area.focus();
  }

  #set(text: string): void {
    this.#area.value = text;
    this.#fit();
  }

  #fit(): void {
    this.#area.style.height = "auto";
    this.#area.style.height = `${this.#area.scrollHeight}px`;
    const left = LONGEST_MESSAGE - this.#area.value.length;
    this.#left.hidden = left > WARN_LEFT;
    this.#left.textContent = String(left);
    this.#send.disabled = !this.#area.value.trim();
  }
}
