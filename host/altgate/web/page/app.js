// Opens the page with the link's token, keeps it up to date while it is looked at, and takes back a yes.

import { at, drawNotice, drawState, drawTexts } from "./draw.js";
import { getNotice, getState, post, Unreached } from "./host.js";
import { inWords, loadTexts, say, turnLanguage } from "./texts.js";

const LOOK_MS = 2000;
let state = null;
let notice = null; // the one that is drawn
let wanted = null; // version of an earlier notice that was asked for, null for the one in force
let told = "opening"; // name of the text in the message line, "" for none
let whyClosed = "no_session"; // what to tell when the host says that no page is open here
let isOffline = false;
let seenAt = 0;
let timer = 0;
let turn = Promise.resolve();

function drawMessage() {
  let text = told ? say(told) : "";
  if (isOffline) text = state ? say("offline", { time: inWords(seenAt) }) : say("unreached");
  if (at("message").textContent !== text) at("message").textContent = text;
}

function tell(name) {
  told = name;
  drawMessage();
}

function draw() {
  drawTexts();
  drawMessage();
  if (state) drawState(state, { withdraw, read });
  if (notice) drawNotice(notice);
}

// Says to a screen reader what has changed at a door, also where another hand changed it.
function announce(before, now) {
  const was = new Map(before.doors.map((door) => [door.door_id, door.face]));
  const changed = now.doors.filter((door) => was.has(door.door_id) && was.get(door.door_id) !== door.face);
  if (!changed.length) return;
  at("changes").textContent = changed.map((door) => `${door.name}: ${say("pill_" + door.face)}`).join("; ");
}

// One look at a time, so that an older answer never follows a newer one.
function look() {
  turn = turn.then(lookOnce);
  return turn;
}

async function lookOnce() {
  clearTimeout(timer);
  try {
    const got = await getState();
    if (got.error === "no_session") return close(whyClosed);
    if (got.error) throw new Unreached();
    isOffline = false;
    seenAt = Date.now() / 1000;
    if (got.isNew) take(got.state);
  } catch (error) {
    if (!(error instanceof Unreached)) throw error;
    isOffline = true;
  }
  drawMessage();
  if (!document.hidden) timer = setTimeout(look, LOOK_MS);
}

function take(newer) {
  const before = state;
  state = newer;
  whyClosed = "session_over";
  if (told === "opening") told = "";
  drawState(state, { withdraw, read });
  if (before) announce(before, state);
  if (at("notice").open) showNotice();
  at("page").hidden = false;
}

// Nothing of a resident stays on a page that is closed.
function close(name) {
  clearTimeout(timer);
  document.removeEventListener("visibilitychange", wake);
  state = notice = null;
  isOffline = false;
  at("page").remove();
  at("building").textContent = at("whose").textContent = "";
  tell(name);
}

async function act(path, content) {
  try {
    return await post(path, content);
  } catch (error) {
    if (!(error instanceof Unreached)) throw error;
    return "failed";
  }
}

async function withdraw(door) {
  tell((await act("withdraw", { at: door })) || "");
  await look();
}

async function leave() {
  const failure = await act("leave", { at: "here" });
  if (failure) tell(failure);
  else close("left");
}

function read(version) {
  wanted = version;
  at("notice").open = true;
  showNotice();
  at("notice-text").focus();
}

async function showNotice() {
  const version = wanted || state.notice.version;
  if (notice && notice.version === version) return;
  try {
    notice = await getNotice(version);
    drawNotice(notice);
  } catch (error) {
    if (!(error instanceof Unreached)) throw error;
    tell("failed");
  }
}

function wake() {
  if (!document.hidden) look();
}

function listen() {
  // Another link was pasted over this page: start anew with it.
  addEventListener("hashchange", () => location.reload());
  document.addEventListener("visibilitychange", wake);
  at("language").addEventListener("click", () => { turnLanguage(); draw(); });
  at("leave").addEventListener("click", leave);
  at("withdraw-all").addEventListener("click", () => withdraw("all"));
  at("notice").addEventListener("toggle", () => {
    if (at("notice").open) showNotice();
    else wanted = null;
  });
}

async function begin() {
  const token = link.token;
  link.token = "";
  await loadTexts();
  listen();
  draw();
  const failure = token ? await act("session", { token }) : null;
  if (failure) whyClosed = told = failure;
  await look();
  if (failure === "link_spent" && state) tell("link_spent_open");
}

begin();
