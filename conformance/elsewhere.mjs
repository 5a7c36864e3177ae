// Leads connections to localhost at SUITE_PORT, which a suite has written into it, to 127.0.0.1 at SERVER_PORT.
import { Socket } from "node:net";

const { SUITE_PORT, SERVER_PORT } = process.env;
const { connect } = Socket.prototype;

Socket.prototype.connect = function (...given) {
  // net.connect hands on what it made of its arguments, [options, callback], in one array.
  const options = Array.isArray(given[0]) ? given[0][0] : given[0];
  if (options?.host === "localhost" && String(options.port) === SUITE_PORT) {
    options.host = "127.0.0.1";
    options.port = Number(SERVER_PORT);
  }
  return connect.apply(this, given);
};
