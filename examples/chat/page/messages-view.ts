/** The messages on the page: bubbles in runs, days, marks of progress; and where the reader is in them. */

import { byId, element, list } from "./dom.ts";
import { blocks, type Inline, isLong } from "./format.ts";
import { avatar, paint } from "./people-view.ts";
import type { Message, Row } from "./timeline.ts";
import type { Person } from "./words.ts";

const NEAR_THE_END = 80;
const MARKS = { sending: "Sending…", sent: "", failed: "Not sent" };

export class MessagesView {
  #scroll = byId("scroll");
  #messages = byId("messages");
  #toEnd = byId<HTMLButtonElement>("to-end");
  #unread = 0;
  #atEnd = true;
  #retry: (id: string) => void;
  #unfolded = new Set<string>();

  constructor(retry: (id: string) => void) {
    this.#retry = retry;
    this.#scroll.addEventListener("scroll", () => this.#scrolled(), { passive: true });
    this.#toEnd.addEventListener("click", () => this.goToEnd());
    // A keyboard on a phone, a banner, a growing composer: who read the newest message still does.
    new ResizeObserver(() => this.#atEnd && this.goToEnd()).observe(this.#scroll);
  }

  show(rows: Row[], me: Person): void {
    list(this.#messages, rows.flatMap((row) => this.#items(row, me)));
    if (this.#atEnd) this.goToEnd();
  }

  /** Another room: nothing of the old one's place is kept. */
  reset(): void {
    this.#unfolded.clear();
    this.#messages.replaceChildren();
    this.goToEnd();
  }

  /** One more message below what the reader sees. */
  countUnread(): void {
    if (this.#atEnd) return;
    this.#unread += 1;
    this.#showButton();
  }

  goToEnd(): void {
    this.#scroll.scrollTop = this.#scroll.scrollHeight;
    this.#atEnd = true;
    this.#unread = 0;
    this.#showButton();
  }

  #scrolled(): void {
    const { scrollTop, scrollHeight, clientHeight } = this.#scroll;
    this.#atEnd = scrollHeight - scrollTop - clientHeight < NEAR_THE_END;
    if (this.#atEnd) this.#unread = 0;
    this.#showButton();
  }

  #showButton(): void {
    this.#toEnd.hidden = this.#atEnd;
    const plural = this.#unread === 1 ? "message" : "messages";
    this.#toEnd.textContent = this.#unread ? `↓ ${this.#unread} new ${plural}` : "↓ To the latest";
  }

  #items(row: Row, me: Person) {
    const { message, newDay, newRun, endOfRun } = row;
    const unfolded = this.#unfolded.has(message.id);
    const item = {
      key: message.id,
      look: JSON.stringify([message, newRun, endOfRun, unfolded, me.id]),
      make: () => this.#bubble(row, me),
    };
    if (!newDay) return [item];
    const day = dayName(message.time);
    return [{ key: `day ${new Date(message.time).toDateString()}`, look: day, make: () => dayLine(day) }, item];
  }

  #bubble({ message, newRun, endOfRun }: Row, me: Person): HTMLElement {
    const mine = message.author.id === me.id;
    const classes = ["message", mine ? "mine" : "theirs", newRun && "first", endOfRun && "last", message.progress];
    const bubble = element("div", { class: "bubble" });
    if (newRun) bubble.append(this.#author(message, mine));
    bubble.append(this.#body(message), foot(message, mine, endOfRun));
    const parts = [newRun && !mine ? avatar(message.author) : element("span", { class: "avatar-space" }), bubble];
    if (message.progress === "failed") parts.push(this.#retryButton(message.id));
    return element("li", { class: classes.filter(Boolean).join(" "), "data-id": message.id }, ...parts);
  }

  #author({ author }: Message, mine: boolean): HTMLElement {
    const name = element("span", { class: mine ? "hidden" : "author" }, mine ? "You" : author.name);
    paint(name, author);
    return name;
  }

  #body(message: Message): HTMLElement {
    const body = element("div", { class: "body" });
    for (const block of blocks(message.text)) {
      if (block.kind === "code") body.append(element("pre", { tabindex: "0" }, element("code", {}, block.text)));
      else body.append(element("p", {}, ...block.parts.map(inlineNode)));
    }
    if (!isLong(message.text) || this.#unfolded.has(message.id)) return body;
    body.classList.add("folded");
    const unfold = element("button", { class: "unfold", type: "button" }, "Show all of it");
    unfold.addEventListener("click", () => {
      this.#unfolded.add(message.id);
      body.classList.remove("folded");
      unfold.remove();
    });
    return element("div", {}, body, unfold);
  }

  #retryButton(id: string): HTMLElement {
    const button = element("button", { class: "retry", type: "button" }, "Send again");
    button.addEventListener("click", () => this.#retry(id));
    return button;
  }
}

function inlineNode({ kind, text }: Inline): Node {
  if (kind === "text") return document.createTextNode(text);
  if (kind === "code") return element("code", {}, text);
  return element("a", { href: text, target: "_blank", rel: "noopener noreferrer nofollow" }, text);
}

function foot({ time, progress }: Message, mine: boolean, endOfRun: boolean): HTMLElement {
  const date = new Date(time);
  const clock = date.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
  const shown = element("time", { datetime: date.toISOString(), title: date.toLocaleString() }, clock);
  const mark = element("span", { class: "mark", title: progress }, MARKS[progress]);
  const line = element("span", { class: "foot-line" }, shown, mine && mark);
  if (!endOfRun && progress === "sent") line.classList.add("quiet");
  return line;
}

function dayLine(day: string): HTMLElement {
  return element("li", { class: "day" }, element("span", {}, day));
}

function dayName(time: number): string {
  const [date, today, yesterday] = [new Date(time), new Date(), new Date()];
  yesterday.setDate(today.getDate() - 1);
  if (date.toDateString() === today.toDateString()) return "Today";
  if (date.toDateString() === yesterday.toDateString()) return "Yesterday";
  const year = date.getFullYear() === today.getFullYear() ? {} : { year: "numeric" as const };
  return date.toLocaleDateString([], { weekday: "long", day: "numeric", month: "long", ...year });
}
