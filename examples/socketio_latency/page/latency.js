// Measures twice a second, as long as the page is connected; the server's own view every five seconds.

const socket = io();
const part = (id) => document.getElementById(id);
const shown = (milliseconds) => `${milliseconds.toFixed(1)} ms`;
const took = [];

socket.on("echo", (number, answer) => answer(number));

async function mine() {
  if (!socket.connected) return;
  const begun = performance.now();
  await socket.timeout(5000).emitWithAck("echo");
  took.push(performance.now() - begun);
  if (took.length > 100) took.shift();
  part("mine").textContent = shown(took.at(-1));
  part("transport").textContent = socket.io.engine.transport.name;
  const most = Math.max(...took);
  part("line").setAttribute("points", took.map((each, at) => `${at},${100 - (each / most) * 95}`).join(" "));
}

async function theirs() {
  if (!socket.connected) return;
  const { milliseconds } = await socket.timeout(30000).emitWithAck("measure", 5);
  part("theirs").textContent = shown(milliseconds.sort((a, b) => a - b)[2]);
}

const quietly = (measure) => () => measure().catch(() => {}); // who is cut off measures again once it is back
setInterval(quietly(mine), 500);
setInterval(quietly(theirs), 5000);
