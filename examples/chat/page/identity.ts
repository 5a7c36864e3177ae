/** Who we are, remembered: in this browser for all its tabs, or in this tab alone for a guest (`?guest`). */

import { type Person, personName } from "./words.ts";

const KEY = "everywire-chat-me";
const FIRST = ["Amber", "Brave", "Calm", "Clever", "Gentle", "Happy", "Jolly", "Lucky", "Mellow", "Nimble", "Quiet", "Sunny", "Swift", "Witty"];
const SECOND = ["Badger", "Crane", "Dolphin", "Falcon", "Fox", "Heron", "Lynx", "Marten", "Otter", "Panda", "Robin", "Seal", "Tiger", "Wren"];

export function isGuest(): boolean {
  return new URLSearchParams(location.search).has("guest");
}

/** Null at the first visit. */
export function recall(): Person | null {
  try {
    const { id, name } = JSON.parse(memory()?.getItem(KEY) ?? "null") ?? {};
    return typeof id === "string" && personName(name) ? { id, name: personName(name) } : null;
  } catch {
    return null; // somebody else's data under our key
  }
}

/** Keeps the id and takes the name; without a memory (private mode) it lasts as long as the page. */
export function remember(name: string): Person {
  const me = { id: recall()?.id ?? newId(), name: personName(name) };
  try {
    memory()?.setItem(KEY, JSON.stringify(me));
  } catch {
    // full or forbidden: the name is asked for again next time
  }
  return me;
}

export function suggestion(): string {
  return `${any(FIRST)} ${any(SECOND)}`;
}

/** Unique, also where crypto.randomUUID is missing: on plain http in a local network. */
export function newId(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(10)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

function memory(): Storage | null {
  try {
    return isGuest() ? sessionStorage : localStorage;
  } catch {
    return null;
  }
}

function any(words: string[]): string {
  return words[Math.floor(Math.random() * words.length)] ?? "Somebody";
}
