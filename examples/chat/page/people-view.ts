/** Faces and names: the list of who is here, and the same in short above the messages. */

import { byId, element, list } from "./dom.ts";
import type { Presence } from "./room.ts";
import { hue, initials, type Person } from "./words.ts";

const MOST_FACES = 5;

/** A round picture: initials on a colour of the person's own. */
export function avatar(person: Person, size = ""): HTMLElement {
  const face = element("span", { class: `avatar ${size}`, "aria-hidden": "true" }, initials(person.name));
  paint(face, person);
  return face;
}

export function paint(face: HTMLElement, person: Person): void {
  face.style.setProperty("--hue", hue(person.id).toFixed(1));
}

export function showPeople(people: Presence[], me: Person): void {
  byId("people-count").textContent = people.length ? String(people.length) : "";
  list(byId("people"), people.map((person) => ({
    key: person.id,
    look: JSON.stringify([person, me]),
    make: () => personItem(person, person.id === me.id),
  })));
  list(byId("faces"), people.slice(0, MOST_FACES).map((person) => ({
    key: person.id,
    look: person.name,
    make: () => element("li", {}, avatar(person, "small")),
  })));
  byId("room-people").textContent = inShort(people);
}

function personItem(person: Presence, isMe: boolean): HTMLElement {
  const tabs = person.tabs > 1 && element("span", { class: "note" }, `${person.tabs} tabs`);
  const you = isMe && element("span", { class: "you" }, "you");
  return element("li", { class: "person", "data-person": person.id }, avatar(person), element("span", { class: "name" }, person.name), you, tabs);
}

function inShort(people: Presence[]): string {
  if (!people.length) return "";
  return people.length === 1 ? "Only you are here" : `${people.length} people are here`;
}
