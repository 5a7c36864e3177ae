/** A process that talks as a test tells it, as talker.py does: one JSON object to a line comes in, each is answered by one. */

import { appendFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { Client } from "../../src/everywire/_static/everywire.js";

const UNDER_WAY = 50;
const kept = new Map();
const memory = { getItem: (name) => kept.get(name) ?? null, setItem: (name, text) => kept.set(name, text), removeItem: (name) => kept.delete(name) };
/** What waits for half a minute, or for whole ones, waits for a moment. */
const soon = { setTimeout: (run, ms) => setTimeout(run, ms > 0 && ms % 30_000 === 0 ? 500 : ms) };
let hurrying = false;

class Talker {
  #who;
  #file;
  #channel;
  #log = [];
  #published = [];
  #connected = 0;
  #said = 0;
  #begun = false;
  #waiting = new Set();

  constructor({ who, url, channel, file, poll_interval, ...options }) {
    this.#who = who;
    this.#file = file;
    this.#channel = channel;
    this.began = performance.now();
    this.url = url;
    this.client = new Client(url, { ...options, memory, ...(hurrying && { environment: soon }) });
    this.client.on("connected", () => { this.#connected += 1; });
    this.client.on("transport", () => this.#look());
    this.room = this.client.subscribe(channel, {
      onPublication: ({ data, offset }) => {
        const { epoch } = this.room.position;
        if (!this.#begun) this.#mark({ epoch, offset: offset - 1 });
        this.#begun = true;
        this.#log.push({ was: "seen", client: who, epoch, offset, ...data });
        this.#look();
      },
      onSubscribed: ({ recovered }) => {
        if (!recovered) this.#begun = false;
      },
    });
  }

  #mark({ epoch, offset }) {
    this.#log.push({ was: "mark", client: this.#who, epoch, offset });
  }

  #look() {
    for (const look of this.#waiting) look();
  }

  #until(enough) {
    return new Promise((resolve) => {
      const look = () => {
        if (!enough()) return;
        this.#waiting.delete(look);
        resolve({});
      };
      this.#waiting.add(look);
      look();
    });
  }

  get stand() {
    const known = memory.getItem(`everywire:transport:${this.client.url}`)?.split(" ")[0] ?? null;
    return { transport: this.client.transport, known, connected: this.#connected };
  }

  async meet() {
    const subscribed = new Promise((resolve) => this.room.on("subscribed", resolve));
    await this.client.connect();
    const welcome = (performance.now() - this.began) / 1000;
    await subscribed;
    await this.say({ count: 1 });
    await this.hear({ offset: this.#published[0].offset });
    return { first: (performance.now() - this.began) / 1000, welcome };
  }

  async say({ count }) {
    const end = this.#said + count;
    const one = async () => {
      while (this.#said < end) {
        const number = this.#said++;
        const { epoch, offset } = await this.client.publish(this.#channel, { sender: this.#who, number });
        this.#published.push({ was: "published", client: this.#who, epoch, offset, sender: this.#who, number });
      }
    };
    await Promise.all(Array.from({ length: UNDER_WAY }, one));
    return {};
  }

  hear({ offset }) {
    return this.#until(() => this.room.position?.offset >= offset);
  }

  over({ transport }) {
    return this.#until(() => this.client.transport === transport);
  }

  show() {
    return {};
  }

  leave() {
    appendFileSync(this.#file, [...this.#log, ...this.#published].map((line) => `${JSON.stringify(line)}\n`).join(""));
    this.client.close();
    return {};
  }
}

const talkers = new Map();
const answer = (said) => process.stdout.write(`${JSON.stringify(said)}\n`);

async function obey({ id, do: what, ...said }) {
  try {
    if (what === "hurry") {
      hurrying = true;
      return answer({ id });
    }
    if (what === "meet") talkers.set(said.who, new Talker(said));
    const talker = talkers.get(said.who);
    answer({ id, ...(await talker[what](said)), ...talker.stand });
  } catch (error) {
    answer({ id, error: `${error.stack ?? error}` });
  }
}

createInterface({ input: process.stdin }).on("line", (line) => void obey(JSON.parse(line))).on("close", () => process.exit(0));
