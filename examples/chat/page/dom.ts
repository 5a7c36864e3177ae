/** Making elements from values (text is always text, never HTML) and keeping a list of them in step with its data. */

type Child = Node | string | null | false;

/** `<tag class=… >children</tag>`; other attributes as given. */
export function element<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  attributes: Record<string, string> = {},
  ...children: Child[]
): HTMLElementTagNameMap[K] {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  for (const child of children) if (child) made.append(child);
  return made;
}

/** The element with this id, which the page is known to have. */
export function byId<E extends HTMLElement = HTMLElement>(id: string): E {
  const found = document.getElementById(id);
  if (!found) throw new Error(`the page has no #${id}`);
  return found as E;
}

export interface Listed {
  /** Who it is. */
  key: string;
  /** What it looks like: as long as this is the same, its element stays. */
  look: string;
  make(): HTMLElement;
}

const looks = new WeakMap<Element, string>();

/** Makes the children of `parent` what `items` say, in their order, touching only what differs. */
export function list(parent: HTMLElement, items: Listed[]): void {
  const old = new Map(Array.from(parent.children, (child) => [(child as HTMLElement).dataset.key, child]));
  let place = parent.firstElementChild;
  for (const { key, look, make } of items) {
    let child = old.get(key);
    old.delete(key);
    if (!child || looks.get(child) !== look) {
      const fresh = make();
      fresh.dataset.key = key;
      looks.set(fresh, look);
      if (child === place) place = child?.nextElementSibling ?? null;
      child?.remove();
      child = fresh;
    }
    if (child === place) place = child.nextElementSibling;
    else parent.insertBefore(child, place);
  }
  for (const gone of old.values()) gone.remove();
}
