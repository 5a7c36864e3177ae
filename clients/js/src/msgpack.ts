/**
 * MessagePack as a codec: `new Client(url, { codec: msgpack })`. Data may hold Uint8Arrays then, anywhere in it.
 *
 * What JSON.stringify makes of a value is what is said here, too (`toJSON`, no undefined fields, null for NaN); only binary stays binary.
 */

import type { Codec, Payload } from "./codec.ts";

export const msgpack: Codec = {
  subprotocol: "everywire.v1.msgpack",
  encode: (command) => new Writer().document(command),
  decode: (data) => new Reader(data as ArrayBuffer).document(),
  text: (payload) => (typeof payload === "string" ? payload : JSON.stringify(new Reader(payload).document(), binaryAsText)),
};

function binaryAsText(_: string, value: unknown): unknown {
  if (!(value instanceof Uint8Array)) return value;
  let text = "";
  for (const byte of value) text += String.fromCharCode(byte);
  return btoa(text);
}

/** First bytes of: fixed, then 8, 16 and 32 bits of length; 0 where there is none. */
const TEXT = [0xa0, 0xd9, 0xda, 0xdb] as const;
const BINARY = [0, 0xc4, 0xc5, 0xc6] as const;
const LIST = [0x90, 0, 0xdc, 0xdd] as const;
const MAP = [0x80, 0, 0xde, 0xdf] as const;

type Sized = { toJSON?: (key: string) => unknown };

/** Invariant: `#bytes` is as long as its capacity, `#end` how much of it is written. */
class Writer {
  #bytes = new Uint8Array(256);
  #view = new DataView(this.#bytes.buffer);
  #end = 0;

  document(value: unknown): Payload {
    this.#write(value);
    return this.#bytes.slice(0, this.#end);
  }

  #write(value: unknown): void {
    if (typeof value === "string") return this.#text(value);
    if (typeof value === "number") return this.#number(value);
    if (typeof value === "boolean") return this.#byte(value ? 0xc3 : 0xc2);
    if (typeof value === "bigint") return this.#big(value);
    if (typeof value !== "object" || value === null) return this.#byte(0xc0);
    if (ArrayBuffer.isView(value)) return this.#binary(new Uint8Array(value.buffer, value.byteOffset, value.byteLength));
    if (value instanceof ArrayBuffer) return this.#binary(new Uint8Array(value));
    const { toJSON } = value as Sized;
    if (typeof toJSON === "function") return this.#write(toJSON.call(value, ""));
    if (Array.isArray(value)) {
      this.#head(LIST, 15, value.length);
      for (const each of value) this.#write(each);
      return;
    }
    const fields = Object.entries(value).filter(([, field]) => field !== undefined && typeof field !== "function");
    this.#head(MAP, 15, fields.length);
    for (const [name, field] of fields) {
      this.#text(name);
      this.#write(field);
    }
  }

  #text(text: string): void {
    const bytes = new TextEncoder().encode(text);
    this.#head(TEXT, 31, bytes.length);
    this.#append(bytes);
  }

  #binary(bytes: Uint8Array): void {
    this.#head(BINARY, -1, bytes.length);
    this.#append(bytes);
  }

  #number(value: number): void {
    if (!Number.isFinite(value)) return this.#byte(0xc0);
    if (Number.isSafeInteger(value) && !Object.is(value, -0)) return this.#integer(value);
    const at = this.#grow(9);
    this.#bytes[at] = 0xcb;
    this.#view.setFloat64(at + 1, value);
  }

  #integer(value: number): void {
    if (value >= -32 && value < 128) return this.#byte(value & 0xff);
    if (value < -(2 ** 31) || value >= 2 ** 32) return this.#big(BigInt(value));
    const bits = value < 0 ? (value >= -128 ? 8 : value >= -32768 ? 16 : 32) : value < 256 ? 8 : value < 65536 ? 16 : 32;
    this.#sized((value < 0 ? 0xd0 : 0xcc) + (bits >> 4), bits, value);
  }

  #big(value: bigint): void {
    if (BigInt.asIntN(64, value) !== value && BigInt.asUintN(64, value) !== value) throw new RangeError("an integer beyond 64 bits");
    const at = this.#grow(9);
    this.#bytes[at] = value < 0 ? 0xd3 : 0xcf;
    this.#view.setBigUint64(at + 1, BigInt.asUintN(64, value));
  }

  #head([fixed, short, middle, long]: readonly [number, number, number, number], most: number, size: number): void {
    if (size <= most) this.#byte(fixed + size);
    else if (short && size < 256) this.#sized(short, 8, size);
    else if (size < 65536) this.#sized(middle, 16, size);
    else this.#sized(long, 32, size);
  }

  #sized(first: number, bits: number, value: number): void {
    const at = this.#grow(1 + bits / 8);
    this.#bytes[at] = first;
    if (bits === 8) this.#view.setUint8(at + 1, value);
    else if (bits === 16) this.#view.setUint16(at + 1, value);
    else this.#view.setUint32(at + 1, value);
  }

  #byte(value: number): void {
    const at = this.#grow(1);
    this.#bytes[at] = value;
  }

  #append(bytes: Uint8Array): void {
    const at = this.#grow(bytes.length);
    this.#bytes.set(bytes, at);
  }

  /** Makes room for `count` bytes, and gives the place of the first. */
  #grow(count: number): number {
    const at = this.#end;
    this.#end += count;
    if (this.#end <= this.#bytes.length) return at;
    const bytes = new Uint8Array(2 * this.#end);
    bytes.set(this.#bytes);
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer);
    return at;
  }
}

const decoder = new TextDecoder("utf-8", { fatal: true });

/** Throws on what is not one whole document, and on extension types, which the wire does not have. */
class Reader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  #at = 0;

  constructor(data: ArrayBuffer | Uint8Array) {
    const bytes = data instanceof Uint8Array ? data : new Uint8Array(data);
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  document(): unknown {
    const value = this.#read();
    if (this.#at !== this.#bytes.length) throw new RangeError("more than one document");
    return value;
  }

  #read(): unknown {
    const first = this.#view.getUint8(this.#skip(1));
    if (first < 0x80) return first;
    if (first < 0x90) return this.#map(first & 15);
    if (first < 0xa0) return this.#list(first & 15);
    if (first < 0xc0) return this.#text(first & 31);
    if (first >= 0xe0) return first - 256;
    if (first >= 0xca && first <= 0xd3) return this.#number(first);
    switch (first) {
      case 0xc0:
        return null;
      case 0xc2:
      case 0xc3:
        return first === 0xc3;
      case 0xc4:
      case 0xc5:
      case 0xc6:
        return this.#take(this.#size(first - 0xc4)).slice();
      case 0xd9:
      case 0xda:
      case 0xdb:
        return this.#text(this.#size(first - 0xd9));
      case 0xdc:
      case 0xdd:
        return this.#list(this.#size(first - 0xdb));
      case 0xde:
      case 0xdf:
        return this.#map(this.#size(first - 0xdd));
      default:
        throw new RangeError(`byte 0x${first.toString(16)}`);
    }
  }

  #number(first: number): number {
    const at = this.#skip([4, 8, 1, 2, 4, 8, 1, 2, 4, 8][first - 0xca] as number);
    const view = this.#view;
    switch (first) {
      case 0xca:
        return view.getFloat32(at);
      case 0xcb:
        return view.getFloat64(at);
      case 0xcc:
        return view.getUint8(at);
      case 0xcd:
        return view.getUint16(at);
      case 0xce:
        return view.getUint32(at);
      case 0xcf:
        return Number(view.getBigUint64(at));
      case 0xd0:
        return view.getInt8(at);
      case 0xd1:
        return view.getInt16(at);
      case 0xd2:
        return view.getInt32(at);
      default:
        return Number(view.getBigInt64(at));
    }
  }

  /** A length of 2 ** `power` bytes. */
  #size(power: number): number {
    const at = this.#skip(2 ** power);
    return power === 0 ? this.#view.getUint8(at) : power === 1 ? this.#view.getUint16(at) : this.#view.getUint32(at);
  }

  #text(size: number): string {
    return decoder.decode(this.#take(size));
  }

  #list(size: number): unknown[] {
    const list: unknown[] = []; // not of this size at once: five bytes may promise four thousand million
    for (let n = 0; n < size; n += 1) list.push(this.#read());
    return list;
  }

  #map(size: number): Record<string, unknown> {
    const map: Record<string, unknown> = {};
    for (let n = 0; n < size; n += 1) {
      const key = this.#read();
      if (typeof key !== "string") throw new TypeError("a key that is not text");
      const value = this.#read();
      // As JSON.parse does: a field of this name is a field, and no way to the prototype.
      if (key === "__proto__") Object.defineProperty(map, key, { value, configurable: true, enumerable: true, writable: true });
      else map[key] = value;
    }
    return map;
  }

  #take(size: number): Uint8Array {
    const at = this.#skip(size);
    return this.#bytes.subarray(at, at + size);
  }

  #skip(size: number): number {
    const at = this.#at;
    this.#at += size;
    if (this.#at > this.#bytes.length) throw new RangeError("it ends too early");
    return at;
  }
}
