// What the SockJS suite wants of a server, by npm's sockjs.
import { createServer } from "node:http";
import { createRequire } from "node:module";

const from = createRequire(`${process.env.REFERENCE_NODE}/`);
const sockjs = from("sockjs");
const { response_limit } = JSON.parse(process.argv[2]);
const http = createServer((request, response) => response.writeHead(404).end());
const usual = { response_limit, log: () => {} };
const echo = (connection) => connection?.on("data", (message) => connection.write(message));
const services = [
  ["/echo", {}, echo],
  ["/disabled_websocket_echo", { websocket: false }, echo],
  ["/cookie_needed_echo", { jsessionid: true }, echo],
  ["/close", {}, (connection) => connection?.close(3000, "Go away!")],
];

for (const [prefix, options, serve] of services) {
  const service = sockjs.createServer({ ...usual, ...options });
  service.on("connection", serve);
  service.installHandlers(http, { prefix });
}
http.listen(0, "127.0.0.1", () => console.log(JSON.stringify({ port: http.address().port, pid: process.pid })));
process.stdin.on("end", () => process.exit(0)).resume();
