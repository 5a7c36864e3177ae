/** A browser's own WebSocket, and no library. */

import { talk } from "./by-hand.js";

talk(
  () => new WebSocket(`${location.origin.replace("http", "ws")}/everywire`, "everywire.v1.json"),
  () => "websocket",
);
