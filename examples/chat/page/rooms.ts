/** The list of rooms: a channel of its own, where whoever opens a room tells its name. */

import type { Client } from "everywire";
import { byId, element, list } from "./dom.ts";
import { FIRST_ROOM, LONGEST_ROOM, ROOMS_CHANNEL, roomName } from "./words.ts";

const ALWAYS = [FIRST_ROOM, "random", "help"];
const MOST_ROOMS = 100;

/** The room that the address of the page names. */
export function roomOfAddress(): string {
  try {
    return roomName(decodeURIComponent(location.hash.slice(1))) || FIRST_ROOM;
  } catch {
    return FIRST_ROOM; // a stray per cent sign
  }
}

export class Rooms {
  #names = new Set(ALWAYS);
  #current = FIRST_ROOM;
  #tell: (name: string) => void;

  constructor(client: Client) {
    const channel = client.subscribe<{ name?: unknown }>(ROOMS_CHANNEL, {
      rewind: MOST_ROOMS,
      onPublication: ({ data }) => this.#add(typeof data?.name === "string" ? data.name : ""),
    });
    this.#tell = (name) => void channel.publish({ name }).catch(() => undefined); // it is open here all the same
    byId("new-room").addEventListener("submit", (event) => this.#create(event));
    addEventListener("keydown", (event) => this.#step(event));
  }

  show(current: string): void {
    this.#current = current;
    this.#names.add(current);
    this.#render();
  }

  #add(name: string): void {
    if (roomName(name) !== name || !name || this.#names.size >= MOST_ROOMS) return;
    this.#names.add(name);
    this.#render();
  }

  #render(): void {
    list(byId("rooms"), [...this.#names].map((name) => ({
      key: name,
      look: String(name === this.#current),
      make: () => roomItem(name, name === this.#current),
    })));
  }

  #create(event: Event): void {
    event.preventDefault();
    const input = byId<HTMLInputElement>("new-room-name");
    const name = roomName(input.value);
    input.value = "";
    if (!name || name.length > LONGEST_ROOM * 2) return;
    if (!this.#names.has(name)) this.#tell(name);
    location.hash = encodeURIComponent(name);
  }

  /** Alt and an arrow: the room above or below. */
  #step(event: KeyboardEvent): void {
    const by = { ArrowUp: -1, ArrowDown: 1 }[event.key];
    if (!by || !event.altKey) return;
    event.preventDefault();
    const names = [...this.#names];
    const next = names[(names.indexOf(this.#current) + by + names.length) % names.length] ?? FIRST_ROOM;
    location.hash = encodeURIComponent(next);
  }
}

function roomItem(name: string, current: boolean): HTMLElement {
  const link = element("a", { href: `#${encodeURIComponent(name)}` }, element("span", { class: "hash", "aria-hidden": "true" }, "#"), name);
  if (current) link.setAttribute("aria-current", "page");
  return element("li", {}, link);
}
