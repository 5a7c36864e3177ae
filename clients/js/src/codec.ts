/** How commands become payloads, and payloads events: as JSON unless another codec is handed in. */

/** One encoded message, as a WebSocket carries it. */
export type Payload = string | Uint8Array<ArrayBuffer>;

export interface Codec {
  /** What a WebSocket is asked to speak. */
  readonly subprotocol: string;
  /** Encodes a command; where it throws, the command is refused. */
  encode(command: object): Payload;
  decode(data: unknown): unknown;
  /** The same payload as JSON text, for a carrier that has nothing else; what is binary becomes its base64 text. */
  text(payload: Payload): string;
}

export const json: Codec = {
  subprotocol: "everywire.v1.json",
  encode: (command) => JSON.stringify(command),
  decode: (data) => JSON.parse(data as string),
  text: (payload) => payload as string,
};
