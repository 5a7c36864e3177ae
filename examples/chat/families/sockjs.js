/** SockJS's client, which needs no WebSocket. What it carries is everywire's wire, written by hand. */

import { talk } from "./by-hand.js";

talk(
  () => new SockJS("/sockjs"),
  (line) => line.transport,
);
