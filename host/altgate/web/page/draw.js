// Draws the state of one resident. Knows nothing of the host; what a click does is handed in.

import { hoursInWords, inWords, language, listed, otherLanguage, say, steps, word } from "./texts.js";

const WAYS = [["card", "cards"], ["pin", "pins"], ["qr", "passes"]];
export const at = (id) => document.getElementById(id);

function make(tag, text, className = "") {
  const made = document.createElement(tag);
  made.textContent = text;
  if (className) made.className = className;
  return made;
}

function time(seconds) {
  const made = make("time", inWords(seconds));
  made.dateTime = new Date(seconds * 1000).toISOString();
  return made;
}

function pill(text, isOn) {
  return make("p", text, isOn ? "pill on" : "pill");
}

function button(label, className, action) {
  const made = make("button", label, className);
  made.type = "button";
  made.addEventListener("click", action);
  return made;
}

export function drawTexts() {
  document.documentElement.lang = language;
  document.title = say("title");
  document.querySelectorAll("[data-text]").forEach((one) => { one.textContent = say(one.dataset.text); });
  at("language").textContent = otherLanguage() === "en" ? "English" : "中文";
  at("language").lang = otherLanguage();
  at("steps").replaceChildren(...steps().map((step) => make("li", step)));
}

export function drawState(state, actions) {
  at("building").textContent = state.building;
  at("whose").textContent = say("whose", state);
  at("number").textContent = state.personal_number;
  at("ways").replaceChildren(...WAYS.map(([way, field]) => drawWay(way, field, state.doors)));
  // It says that each works by itself.
  at("ways-lead").hidden = state.doors.some((door) => door.bounds.some((bound) => bound.second_s));
  drawFace(state);
  drawDoors(state, actions);
  at("entries-lead").textContent = say("entries_lead", { count: state.entries_most });
  at("entries").replaceChildren(...state.entries.map(drawEntry));
  at("entries-none").hidden = state.entries.length > 0;
}

function drawWay(way, field, doors) {
  const row = document.createElement("li");
  const head = make("div", "", "head");
  head.append(make("h3", say("way_" + way)), pill(say("on"), true));
  const names = doors.filter((door) => door[field]).map(
    (door) => door[field] > 1 ? say("several", { door: door.name, count: door[field] }) : door.name,
  );
  const held = names.length ? say("held_" + way, { doors: listed(names) }) : say(`held_${way}_none`);
  row.dataset.way = way;
  const bounds = doors.flatMap((door) => boundsAt(door, way, field)).map((said) => make("p", said));
  row.append(head, make("p", held), ...bounds, make("p", say("how_" + way), "quiet"));
  return row;
}

function boundsAt(door, way, field) {
  return door.bounds.filter((bound) => bound.way === way).map((bound) => {
    const what = bound.second_s ? "second" : "hours";
    const values = { door: door.name, count: bound.count, all: door[field], seconds: bound.second_s };
    values.hours = listed(bound.hours.map(hoursInWords));
    return say(`bound_${what}${bound.count < door[field] ? "_some" : ""}`, values);
  });
}

function drawFace(state) {
  const on = state.doors.filter((door) => door.face === "on").length;
  at("face-pill").textContent = on ? say("on_at", { count: on, all: state.doors.length }) : say("off");
  at("face-pill").className = on ? "pill on" : "pill";
  at("notice").hidden = at("yes").hidden = !state.notice;
  at("notice-none").hidden = Boolean(state.notice);
  if (state.notice) at("yes-code").textContent = say("yes_code", state.notice);
}

function drawDoors(state, actions) {
  const list = at("doors");
  const all = at("withdraw-all");
  const focused = document.activeElement.closest("[data-door]");
  const isAllFocused = document.activeElement === all;
  list.replaceChildren(...state.doors.map((door) => drawDoor(door, state, actions)));
  at("doors-none").hidden = state.doors.length > 0;
  all.hidden = state.doors.filter((door) => door.can_end).length < 2;
  if (focused) refocus(list, focused.dataset.door);
  if (isAllFocused && all.hidden) list.focus();
}

// A button that was pressed is gone when it has done its work: its door's row takes the focus.
function refocus(list, door) {
  const row = [...list.children].find((one) => one.dataset.door === door);
  if (row) (row.querySelector("button") || row).focus();
}

function drawDoor(door, state, actions) {
  const row = document.createElement("li");
  row.dataset.door = door.door_id;
  row.dataset.face = door.face;
  row.tabIndex = -1;
  const head = make("div", "", "head");
  head.append(make("h4", door.name), pill(say("pill_" + door.face), door.face === "on"));
  row.append(head);
  for (const sentence of sentences(door)) row.append(make("p", sentence));
  if (door.can_end && state.notice && state.notice.version !== door.notice) {
    const label = say("notice_read_old", { version: door.notice });
    row.append(button(label, "plain", () => actions.read(door.notice)));
  }
  if (door.can_end) {
    const label = say("withdraw_at", { door: door.name });
    row.append(button(label, "out", () => actions.withdraw(door.door_id)));
  }
  return row;
}

// What there is to say about face at a door, beside its one word.
function sentences(door) {
  const dates = { version: door.notice };
  for (const name of ["given", "enrolled", "ended", "erased"]) {
    if (door[name + "_at"]) dates[name] = inWords(door[name + "_at"]);
  }
  const said = [];
  if (door.can_end) said.push(say("given", dates));
  if (door.face === "off_here") said.push(say("face_off_here"));
  if (door.face === "asked") said.push(say("face_asked"));
  if (door.face === "suspended") said.push(word("reason", door.why) || door.why);
  if (door.can_end && door.enrolled_at) said.push(say("enrolled", dates));
  if (door.face === "ending") said.push(say("face_ending", dates));
  if (!door.can_end && door.erased_at) said.push(say("erased", dates));
  const isLost = door.ended_at && !door.erased_at && door.face !== "ending";
  if (isLost) said.push(say("lost", dates));
  return said;
}

function drawEntry(entry) {
  const row = document.createElement("li");
  const isTry = entry.kind === "entry";
  if (isTry) row.className = entry.reason === "granted" ? "good" : "bad";
  const when = make("span", "", "when");
  when.append(time(entry.time || entry.received_at));
  if (!entry.time) when.append(make("small", say("time_unknown")));
  const what = isTry ? word("method", entry.method) || entry.method : word("kind", entry.kind) || entry.kind;
  const became = entry.state ? [word("consent", entry.state) || entry.state] : [];
  const why = [...became, reasonOf(entry, isTry)].join(" ");
  const parts = [make("span", entry.door, "where"), make("span", what, "how"), make("span", why, "why")];
  row.append(when, ...parts.flatMap((part) => [" ", part]));
  return row;
}

function reasonOf(entry, isTry) {
  if (!isTry && entry.reason === "none") return "";
  return word("reason", entry.reason) || say("reason_unknown", { name: entry.reason });
}

export function drawNotice(notice) {
  const published = make("p", say("notice_published") + " ", "quiet");
  published.append(time(notice.published_at));
  const head = make("h3", say("notice_version", notice));
  head.id = "notice-head";
  const body = notice.sections[language].flatMap(([title, text]) => [make("h4", title), make("p", text)]);
  const whole = make("a", say("notice_whole"));
  whole.href = `notice/${notice.version}/text`;
  const facts = make("dl", "");
  const rows = [
    [say("notice_model"), make("dd", `${notice.model.id} ${notice.model.version}`)],
    [say("notice_code"), make("dd", notice.code, "code")],
    [say("notice_hash"), make("dd", notice.sha256, "hash")],
  ];
  facts.append(...rows.flatMap(([name, value]) => [make("dt", name), value]));
  at("notice-text").replaceChildren(head, published, ...body, facts, whole);
}
