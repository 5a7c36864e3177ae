/** The state of the connection in words: a dot that is always there, a banner when there is something to say. */

import type { Client, StateChange } from "everywire";
import { byId } from "./dom.ts";

const SHORT = { connected: "Connected", connecting: "Connecting", waiting: "Offline", closed: "Disconnected" };
const GOOD_NEWS_LASTS = 4000;

export class ConnectionView {
  #client: Client;
  #banner = byId("banner");
  #text = byId("banner-text");
  #action = byId<HTMLButtonElement>("banner-action");
  #wasConnected = false;
  #timer = 0;
  #retryAt = 0;

  constructor(client: Client) {
    this.#client = client;
    client.on("state", (change) => this.#changed(change));
    this.#action.addEventListener("click", () => void client.connect());
  }

  /** Back in the room after an interruption, and honest about it. */
  back(recovered: boolean, missed: number): void {
    const messages = missed === 1 ? "One message came meanwhile, and it is here." : `${missed} messages came meanwhile, all are here.`;
    if (!recovered) this.#say("warn", "Back. The server no longer had all that was said meanwhile: this is what it kept.");
    else this.#say("good", missed ? `Back. ${messages}` : "Back. You missed nothing.");
    this.#timer = window.setTimeout(() => this.#hide(), recovered ? GOOD_NEWS_LASTS : 3 * GOOD_NEWS_LASTS);
  }

  problem(reason: string): void {
    this.#say("bad", reason);
  }

  /** What was said of another room no longer matters; a lost connection does. */
  newRoom(): void {
    if (this.#client.state === "connected") this.#hide();
  }

  #changed({ state, delay = 0, reason }: StateChange): void {
    byId("link").dataset.state = state;
    byId("app").classList.toggle("cut-off", state !== "connected");
    byId("link-text").textContent = SHORT[state];
    if (state === "connected") this.#connected();
    else if (state === "waiting") this.#waiting(delay);
    else if (state === "closed") this.#say("bad", `Disconnected: ${reason}.`, "Connect again");
    else if (this.#wasConnected) this.#say("warn", "Reconnecting… What you write now is sent as soon as the line is back.");
  }

  #connected(): void {
    this.#wasConnected = true;
    this.#hide();
  }

  #waiting(delay: number): void {
    this.#retryAt = Date.now() + delay;
    this.#countDown();
  }

  #countDown(): void {
    const seconds = Math.ceil((this.#retryAt - Date.now()) / 1000);
    const when = seconds > 1 ? `Trying again in ${seconds}\u00a0s.` : "Reconnecting…";
    this.#say("warn", `The connection is lost. ${when} What you write now is sent as soon as it is back.`, "Try now");
    if (seconds > 1) this.#timer = window.setTimeout(() => this.#client.state === "waiting" && this.#countDown(), 1000);
  }

  #say(kind: "good" | "warn" | "bad", text: string, action?: string): void {
    clearTimeout(this.#timer);
    this.#banner.dataset.kind = kind;
    if (this.#text.textContent !== text) this.#text.textContent = text;
    this.#action.hidden = !action;
    this.#action.textContent = action ?? "";
    this.#banner.hidden = false;
  }

  #hide(): void {
    clearTimeout(this.#timer);
    this.#banner.hidden = true;
  }
}
