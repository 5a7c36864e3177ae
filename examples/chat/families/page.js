/** What all these pages have in common: who we are, what is shown. How a client of each family reaches the room is in the file beside it. */

const MOST = 50;
const asked = new URLSearchParams(location.search);

export const channel = `room:${asked.get("room") ?? "lobby"}`;
export const me = { name: (asked.get("name") ?? "").trim().slice(0, 32) || `Guest ${Math.floor(Math.random() * 1000)}` };
/** How many of the latest messages are asked for at first, and whenever the connection was lost. */
export const rewind = MOST;

// A page has its client's name for a heading; all else is made here.
document.body.insertAdjacentHTML(
  "beforeend",
  `<header>
    <span id="state" role="status">connecting</span>
    <ul id="members" aria-label="Here now"></ul>
  </header>
  <ol id="said" role="log" aria-live="polite"></ol>
  <form id="write">
    <label class="hidden" for="text">Message</label>
    <input id="text" maxlength="2000" autocomplete="off" placeholder="Say something">
    <button id="send" disabled>Send</button>
  </form>
  <p class="hidden">You are <span id="me"></span>.</p>`,
);
document.querySelector("header").prepend(document.querySelector("h1"));

const byId = (id) => document.getElementById(id);
const known = new Set();
let publish = null;

/** Show a publication's data; one that was shown before is not shown again. */
export function hear(data) {
  if (data?.kind !== "message" || typeof data.id !== "string" || typeof data.text !== "string" || known.has(data.id)) return;
  known.add(data.id);
  const item = document.createElement("li");
  item.dataset.by = typeof data.by === "string" ? data.by : "chat";
  item.classList.toggle("mine", data.name === me.name && data.by === document.body.dataset.by);
  item.append(piece("author", typeof data.name === "string" && data.name ? data.name : "Somebody"), piece("by", item.dataset.by), piece("text", data.text));
  byId("said").append(item);
  while (byId("said").children.length > MOST) byId("said").firstChild.remove();
  goToEnd();
}

function goToEnd() {
  byId("said").scrollTop = byId("said").scrollHeight;
}

/** Show who is there: members as presence tells them. */
export function showMembers(members) {
  const chips = members.map(({ info, user, dialect = "native" }) => {
    const chip = document.createElement("li");
    chip.append(piece("name", String(info?.name ?? user ?? "Somebody")), piece("dialect", dialect));
    return chip;
  });
  byId("members").replaceChildren(...chips);
}

/** Show how it stands, `say` being what sends from now on; without it nothing can be sent. */
export function stand(text, say = null) {
  publish = say;
  byId("state").textContent = text;
  byId("state").dataset.up = String(say !== null);
  byId("send").disabled = say === null;
}

/** Ask now and every two seconds who is there; returns what ends that. */
export function watchMembers(ask) {
  const look = () => void Promise.resolve(ask()).then(showMembers, () => undefined); // asked again soon
  const timer = setInterval(look, 2000);
  look();
  return () => clearInterval(timer);
}

function piece(name, text) {
  const made = document.createElement("span");
  made.className = name;
  made.textContent = text;
  return made;
}

function newId() {
  return Array.from(crypto.getRandomValues(new Uint8Array(10)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

byId("me").textContent = me.name;
new ResizeObserver(goToEnd).observe(byId("said"));
byId("write").addEventListener("submit", async (event) => {
  event.preventDefault();
  const text = byId("text").value.trim();
  if (!text || !publish) return;
  try {
    await publish({ kind: "message", id: newId(), text, name: me.name, by: document.body.dataset.by });
    byId("text").value = "";
  } catch (error) {
    stand(`not sent: ${error.message ?? error}`, publish);
  }
});
