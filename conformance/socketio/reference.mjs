// What the Socket.IO suite wants of a server, by npm's socket.io.
import { createServer } from "node:http";
import { createRequire } from "node:module";

const from = createRequire(`${process.env.REFERENCE_NODE}/`);
const { Server } = from("socket.io");
const { ping_interval, ping_timeout, max_payload, msgpack, ...options } = JSON.parse(process.argv[2]);
const http = createServer();
const io = new Server(http, {
  pingInterval: ping_interval * 1000,
  pingTimeout: ping_timeout * 1000,
  maxHttpBufferSize: max_payload,
  ...(msgpack && { parser: from("socket.io-msgpack-parser") }),
  ...options,
});

for (const name of ["/", "/custom"]) {
  io.of(name).on("connection", (socket) => {
    socket.emit("auth", socket.handshake.auth);
    socket.on("message", (...args) => socket.emit("message-back", ...args));
    socket.on("message-with-ack", (...args) => args.pop()(...args));
  });
}
http.listen(0, "127.0.0.1", () => console.log(JSON.stringify({ port: http.address().port, pid: process.pid })));
process.stdin.on("end", () => process.exit(0)).resume();
