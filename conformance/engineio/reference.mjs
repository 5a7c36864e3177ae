// What the Engine.IO suite wants of a server, by npm's engine.io: every message goes back to where it came from.
import { createServer } from "node:http";
import { createRequire } from "node:module";

const { Server } = createRequire(`${process.env.REFERENCE_NODE}/`)("engine.io");
const { ping_interval, ping_timeout, max_payload } = JSON.parse(process.argv[2]);
const http = createServer();
const engine = new Server({
  pingInterval: ping_interval * 1000,
  pingTimeout: ping_timeout * 1000,
  maxHttpBufferSize: max_payload,
});

engine.attach(http);
engine.on("connection", (socket) => socket.on("message", (data) => socket.send(data)));
http.listen(0, "127.0.0.1", () => console.log(JSON.stringify({ port: http.address().port, pid: process.pid })));
process.stdin.on("end", () => process.exit(0)).resume();
