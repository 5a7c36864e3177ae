/** Listeners by event name; a listener that throws is reported and harms nobody else. */

type Listener<V> = (value: V) => void;

export class Emitter<Events> {
  #listeners = new Map<keyof Events, Set<Listener<never>>>();

  /** Calls `listener` at every `name` event. Returns a function that ends it. */
  on<K extends keyof Events>(name: K, listener: Listener<Events[K]>): () => void {
    const listeners = this.#listeners.get(name) ?? new Set();
    this.#listeners.set(name, listeners);
    listeners.add(listener);
    return () => void listeners.delete(listener);
  }

  /** @internal */
  emit<K extends keyof Events>(name: K, value: Events[K]): void {
    for (const listener of [...(this.#listeners.get(name) ?? [])] as Listener<Events[K]>[]) {
      try {
        listener(value);
      } catch (error) {
        report(error);
      }
    }
  }
}

/** An application's mistake is loud, but it must not stop the delivery to others or lose a position. @internal */
export function report(error: unknown): void {
  if (typeof reportError === "function") reportError(error);
  else console.error(error);
}
