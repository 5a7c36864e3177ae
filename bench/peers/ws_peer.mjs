// Node's `ws`, its documented echo and its documented broadcast loop for /fan.
import { createRequire } from "node:module";
import { createServer } from "node:http";
import { createServer as createTlsServer } from "node:https";
import { readFileSync } from "node:fs";

const { WebSocketServer, WebSocket } = createRequire(process.env.BENCH_NODE + "/")("ws");
const given = Object.fromEntries(process.argv.slice(2).map((word, i, all) => [word, all[i + 1]]));
const tls = given["--cert"] && { cert: readFileSync(given["--cert"]), key: readFileSync(given["--key"]), minVersion: "TLSv1.3" };
const http = tls ? createTlsServer(tls) : createServer();
const server = new WebSocketServer({ server: http, perMessageDeflate: "--deflate" in given });

server.on("connection", (ws, request) => {
  const fan = (ws.fan = request.url === "/fan");
  ws.on("error", () => {});
  ws.on("message", (data, binary) => {
    if (!fan) return ws.send(data, { binary });
    for (const other of server.clients) {
      if (other !== ws && other.fan && other.readyState === WebSocket.OPEN) other.send(data, { binary });
    }
  });
});
process.on("SIGUSR2", () => globalThis.gc?.());
http.listen({ port: 0, host: "127.0.0.1", backlog: 4096 }, () => console.log(http.address().port));
