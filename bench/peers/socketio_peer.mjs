// Socket.IO on Node, as its documentation shows it: everybody is in one room, what one says goes to the others, and an event is
// acknowledged by its argument.
import { createRequire } from "node:module";
import { createServer } from "node:http";

const { Server } = createRequire(process.env.BENCH_NODE + "/")("socket.io");
const http = createServer();
const io = new Server(http, { transports: ["websocket"], perMessageDeflate: false });

io.on("connection", (socket) => {
  socket.join("bench");
  socket.on("publish", (data) => socket.to("bench").emit("publication", data));
  socket.on("echo", (data, acknowledge) => acknowledge(data));
});
process.on("SIGUSR2", () => globalThis.gc?.());
http.listen({ port: 0, host: "127.0.0.1", backlog: 4096 }, () => console.log(http.address().port));
