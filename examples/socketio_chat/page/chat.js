// The room is the address's fragment: /#tea. Whatever others say reaches the page as text alone.

const room = decodeURIComponent(location.hash.slice(1)) || "lobby";
const socket = io({ auth: { name: prompt("Who are you?") ?? "" } });
const part = (id) => document.getElementById(id);

function line(text) {
  const item = document.createElement("li");
  item.textContent = text;
  part("said").append(item);
}

part("room").textContent = room;
socket.on("connect", () => socket.emit("enter", room));
socket.on("connect_error", ({ message }) => line(`not connected: ${message}`));
socket.on("disconnect", (reason) => line(`disconnected: ${reason}`));
socket.on("people", (where, names) => { if (where === room) part("people").textContent = names.join(", "); });
socket.on("said", (where, who, text) => { if (where === room) line(`${who}: ${text}`); });

part("write").addEventListener("submit", async (event) => {
  event.preventDefault();
  const { error } = await socket.emitWithAck("say", room, part("text").value);
  if (error) line(error);
  else part("text").value = "";
});
addEventListener("hashchange", () => location.reload());
