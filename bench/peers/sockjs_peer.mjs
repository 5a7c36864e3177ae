// sockjs on Node, as its documentation shows it: an echo, and a room of everybody, to the others of whom goes what one says.
import { createRequire } from "node:module";
import { createServer } from "node:http";

const sockjs = createRequire(process.env.BENCH_NODE + "/")("sockjs");
const http = createServer();
const room = new Set();

const echo = sockjs.createServer({ log: () => {} });
echo.on("connection", (connection) => {
  connection.on("data", (text) => connection.write(text));
});
echo.installHandlers(http, { prefix: "/echo" });

const hub = sockjs.createServer({ log: () => {} });
hub.on("connection", (connection) => {
  room.add(connection);
  connection.on("close", () => room.delete(connection));
  connection.on("data", (text) => {
    for (const other of room) if (other !== connection) other.write(text);
  });
});
hub.installHandlers(http, { prefix: "/room" });

process.on("SIGUSR2", () => globalThis.gc?.());
http.listen({ port: 0, host: "127.0.0.1", backlog: 4096 }, () => console.log(http.address().port));
