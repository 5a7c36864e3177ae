/** The chat: one client, one room at a time, and the parts of the page around it. */

import { Client } from "everywire";
import { Composer } from "./composer.ts";
import { ConnectionView } from "./connection-view.ts";
import { byId } from "./dom.ts";
import { Drawer } from "./drawer.ts";
import { recall } from "./identity.ts";
import { MessagesView } from "./messages-view.ts";
import { avatar, showPeople } from "./people-view.ts";
import { Room, type RoomListener } from "./room.ts";
import { Rooms, roomOfAddress } from "./rooms.ts";
import { askName } from "./welcome.ts";
import type { Person } from "./words.ts";

class Chat {
  #me: Person;
  #client: Client;
  #connection: ConnectionView;
  #rooms: Rooms;
  #room: Room | null = null;
  #drawer = new Drawer();
  #messages = new MessagesView((id) => this.#room?.sayAgain(id));
  #composer = new Composer({
    say: (text) => this.#say(text),
    typing: (now) => this.#room?.tellTyping(now),
  });
  #unread = 0;

  constructor(me: Person) {
    this.#me = me;
    this.#client = new Client("/everywire", { info: me });
    this.#connection = new ConnectionView(this.#client);
    this.#rooms = new Rooms(this.#client);
    addEventListener("hashchange", () => this.#enter(roomOfAddress()));
    document.addEventListener("visibilitychange", () => this.#readAll());
    // Whoever closes the tab leaves at once; a lost connection lingers, because it may come back.
    addEventListener("pagehide", ({ persisted }) => persisted || this.#client.close());
    byId("me").addEventListener("click", () => this.#rename());
    byId("skip").addEventListener("click", (event) => {
      event.preventDefault();
      byId("composer").focus();
    });
    this.#showMe();
    this.#enter(roomOfAddress());
    void this.#client.connect();
  }

  #enter(name: string): void {
    if (this.#room?.name === name) return;
    this.#room?.leave();
    this.#messages.reset();
    this.#connection.newRoom();
    this.#room = new Room(this.#client, name, this.#me, this.#listener());
    this.#rooms.show(name);
    this.#composer.enter(name);
    this.#drawer.close();
    byId("room-title").textContent = `# ${name}`;
    byId("empty-title").textContent = `Welcome to #${name}`;
    byId<HTMLAnchorElement>("guest").href = `?guest#${encodeURIComponent(name)}`;
    this.#readAll();
    this.#render();
    this.#composer.focus();
  }

  #listener(): RoomListener {
    return {
      changed: () => this.#render(),
      message: () => this.#news(),
      entered: ({ again, recovered, missed }) => again && this.#connection.back(recovered, missed),
      failed: (reason) => this.#connection.problem(`This room is not available: ${reason}.`),
    };
  }

  #say(text: string): void {
    this.#room?.say(text);
    this.#messages.goToEnd();
  }

  /** All of the page that depends on the room; what did not change is not touched. */
  #render(): void {
    if (!this.#room) return;
    const rows = this.#room.timeline.rows();
    byId("empty").hidden = rows.length > 0 || !this.#room.entered;
    this.#messages.show(rows, this.#me);
    showPeople(this.#room.people(), this.#me);
    byId("typing").textContent = typingLine(this.#room.typing());
  }

  #news(): void {
    this.#messages.countUnread();
    if (document.visibilityState === "hidden") this.#unread += 1;
    this.#title();
  }

  #readAll(): void {
    if (document.visibilityState === "visible") this.#unread = 0;
    this.#title();
  }

  #title(): void {
    const unread = this.#unread ? `(${this.#unread}) ` : "";
    document.title = `${unread}#${this.#room?.name} · everywire chat`;
  }

  #showMe(): void {
    const name = document.createElement("span");
    name.textContent = this.#me.name;
    byId("me").replaceChildren(avatar(this.#me), name);
    byId("me").setAttribute("aria-label", `You are ${this.#me.name}. Change your name`);
  }

  /** A name is said once, at the connection's welcome; so a new name is a new start of the page. */
  async #rename(): Promise<void> {
    if (await askName()) location.reload();
  }
}

function typingLine(people: Person[]): string {
  const names = people.map(({ name }) => name);
  if (names.length === 0) return "";
  if (names.length === 1) return `${names[0]} is typing…`;
  return names.length === 2 ? `${names[0]} and ${names[1]} are typing…` : "Several people are typing…";
}

const me = recall() ?? (await askName());
if (me) new Chat(me);
