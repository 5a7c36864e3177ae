/** The side column, which on a narrow screen slides in over the messages. */

import { byId } from "./dom.ts";

export class Drawer {
  #app = byId("app");
  #side = byId("side");
  #opener = byId("open-drawer");
  #narrow = matchMedia("(max-width: 800px)");

  constructor() {
    this.#opener.addEventListener("click", () => this.#set(true));
    byId("close-drawer").addEventListener("click", () => this.#set(false));
    byId("scrim").addEventListener("click", () => this.#set(false));
    this.#narrow.addEventListener("change", () => this.#set(false));
    addEventListener("keydown", (event) => event.key === "Escape" && this.close());
    this.#set(false);
  }

  close(): void {
    if (this.#app.classList.contains("drawer-open")) this.#set(false);
  }

  #set(open: boolean): void {
    const wasOpen = this.#app.classList.toggle("drawer-open", open) !== open;
    this.#opener.setAttribute("aria-expanded", String(open));
    this.#side.inert = this.#narrow.matches && !open; // a hidden drawer is not for the Tab key either
    if (open) byId("close-drawer").focus();
    else if (wasOpen) this.#opener.focus();
  }
}
