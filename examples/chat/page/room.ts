/** One room while we are in it: its messages, who is here, who types. Knows the client, not the page. */

import type { Client, Publication, Subscription } from "everywire";
import { newId } from "./identity.ts";
import { Timeline } from "./timeline.ts";
import { heard, type Person, personOf, roomChannel, type Said } from "./words.ts";

/** Somebody here, with the number of their tabs. */
export interface Presence extends Person {
  tabs: number;
}

export interface RoomListener {
  /** Something that is shown changed. */
  changed(): void;
  /** A message of somebody else arrived while we watched. */
  message(author: Person, text: string): void;
  /** We are in, again after a lost connection when `again`; `missed` messages are or will be told. */
  entered(how: { again: boolean; recovered: boolean; missed: number }): void;
  failed(reason: string): void;
}

const HISTORY = 100;
const TYPING_LASTS = 4000;
const TYPING_EVERY = 2000;

export class Room {
  readonly name: string;
  readonly timeline: Timeline = new Timeline();
  #me: Person;
  #listener: RoomListener;
  #subscription: Subscription<Said>;
  /** Until when somebody is taken to be typing, by person. */
  #typing = new Map<string, { person: Person; until: number }>();
  #typingTimer = 0;
  #toldTypingAt = 0;
  #entered = false;
  /** Publications that are history, not news: told before `subscribed`, and still to come after it. */
  #early = 0;
  #backlog = 0;

  constructor(client: Client, name: string, me: Person, listener: RoomListener) {
    this.name = name;
    this.#me = me;
    this.#listener = listener;
    this.#subscription = client.subscribe<Said>(roomChannel(name), {
      rewind: HISTORY,
      onPublication: (publication) => this.#hear(publication),
      onLost: () => this.#forget(),
      onSubscribed: ({ recovered, count }) => this.#enter(recovered, count),
      onJoin: () => this.#listener.changed(),
      onLeave: (member) => this.#quiet(personOf(member).id),
      onError: (error) => this.#listener.failed(error.message),
    });
  }

  get entered(): boolean {
    return this.#entered;
  }

  /** Everybody here once, however many tabs they have: ourselves first, then by name. */
  people(): Presence[] {
    const people = new Map<string, Presence>();
    for (const member of this.#subscription.members.values()) {
      const person = personOf(member);
      people.set(person.id, { ...person, tabs: (people.get(person.id)?.tabs ?? 0) + 1 });
    }
    const mine = (one: Person) => Number(one.id !== this.#me.id);
    return [...people.values()].sort((one, other) => mine(one) - mine(other) || one.name.localeCompare(other.name));
  }

  typing(): Person[] {
    return [...this.#typing.values()].map(({ person }) => person);
  }

  /** Shown at once; marked when the server has it, or when it never will. */
  say(text: string): void {
    this.#toldTypingAt = 0;
    const id = newId();
    this.timeline.send({ id, author: this.#me, text, time: Date.now() });
    this.#subscription.publish({ kind: "message", id, text, name: this.#me.name }).then(
      () => this.#mark(id, "sent"),
      () => this.#mark(id, "failed"),
    );
    this.#listener.changed();
  }

  sayAgain(id: string): void {
    const message = this.timeline.withdraw(id);
    if (message) this.say(message.text);
  }

  /** Tells the others, not more often than they need to know. */
  tellTyping(now: boolean): void {
    const time = Date.now();
    if (now ? time - this.#toldTypingAt < TYPING_EVERY : !this.#toldTypingAt) return;
    this.#toldTypingAt = now ? time : 0;
    this.#subscription.publish({ kind: "typing", now }, { ephemeral: true }).catch(() => undefined); // it was worth nothing
  }

  leave(): void {
    clearTimeout(this.#typingTimer);
    this.#subscription.unsubscribe();
  }

  #enter(recovered: boolean, missed: number): void {
    const again = this.#entered;
    this.#entered = true;
    this.#backlog = missed - this.#early;
    this.#early = 0;
    this.#listener.entered({ again, recovered, missed });
    this.#listener.changed();
  }

  #forget(): void {
    this.#early = 0;
    this.timeline.forget();
  }

  #hear(publication: Publication<Said>): void {
    const early = this.#subscription.state !== "subscribed";
    const old = early || this.#backlog > 0;
    if (early) this.#early += 1;
    else if (old) this.#backlog -= 1;
    const said = heard(publication);
    const author = personOf(publication.from, said?.kind === "message" ? said.name : undefined);
    if (said?.kind === "typing") return this.#hearTyping(author, said.now);
    if (said?.kind !== "message" || publication.offset === undefined) return;
    const { id, text } = said;
    const isNew = this.timeline.receive({ id, text, author, time: publication.time, offset: publication.offset });
    if (isNew && !old && author.id !== this.#me.id) this.#listener.message(author, text);
    this.#quiet(author.id);
  }

  #hearTyping(person: Person, now: boolean): void {
    if (person.id === this.#me.id) return;
    if (!now) return this.#quiet(person.id);
    this.#typing.set(person.id, { person, until: Date.now() + TYPING_LASTS });
    this.#listener.changed();
    this.#watchTyping();
  }

  #quiet(id: string): void {
    this.#typing.delete(id);
    this.#listener.changed();
  }

  /** One timer for all: it rings when the first of them has been silent for long enough. */
  #watchTyping(): void {
    clearTimeout(this.#typingTimer);
    const next = Math.min(...[...this.#typing.values()].map(({ until }) => until));
    if (!Number.isFinite(next)) return;
    this.#typingTimer = window.setTimeout(() => {
      for (const [id, { until }] of this.#typing) if (until <= Date.now()) this.#typing.delete(id);
      this.#listener.changed();
      this.#watchTyping();
    }, Math.max(50, next - Date.now()));
  }

  #mark(id: string, progress: "sent" | "failed"): void {
    this.timeline.mark(id, progress);
    this.#listener.changed();
  }
}
