"use strict";
// Draws what the demo tells over its WebSocket, and sends what a person does.

const MQTT_LINES = 60;
const RECORDS = 60;
const SHOWN_MS = 6000;
const at = (id) => document.getElementById(id);
let texts = {};
let language = (navigator.language || "en").startsWith("zh") ? "zh-CN" : "en";
let state = null;
let records = [];
let shown = { name: "connecting" };
let fading = 0;
let socket = null;
let sound = null;

function say(name, values = {}) {
  const found = (texts[name] || {})[language] || name;
  return found.replace(/\{(\w+)\}/g, (_, key) => values[key]);
}

function send(action) {
  if (socket && socket.readyState === WebSocket.OPEN) socket.send(JSON.stringify(action));
}

function button(label, action) {
  const made = document.createElement("button");
  made.type = "button";
  made.textContent = label;
  made.addEventListener("click", action);
  return made;
}

function drawTexts() {
  document.documentElement.lang = language;
  document.querySelectorAll("[data-text]").forEach((one) => { one.textContent = say(one.dataset.text); });
  at("language").textContent = language === "en" ? "中文" : "English";
  at("language").lang = language === "en" ? "zh-CN" : "en";
}

function drawReason() {
  const reason = at("reason");
  reason.className = "reason " + (shown.kind || "");
  reason.textContent = shown.texts ? shown.texts[language] : say(shown.name);
}

function show(what, fades) {
  shown = what;
  drawReason();
  clearTimeout(fading);
  if (fades) fading = setTimeout(() => show({ name: "waiting" }, false), SHOWN_MS);
}

function drawState() {
  if (!state) return;
  const [red, green, blue] = (state.is_on && state.lamp[0]) || [0, 0, 0];
  const isDark = red + green + blue === 0;
  // The lamp's levels are low on purpose: they are drawn four times as bright.
  at("lamp").style.background = isDark ? "" : `rgb(${red * 4}, ${green * 4}, ${blue * 4})`;
  at("door").classList.toggle("released", state.is_released);
  at("door").classList.toggle("open", state.is_door_open);
  at("strike").textContent = say(state.is_released ? "released" : "secured");
  at("contact").textContent = say(state.is_door_open ? "open" : "closed");
  at("face").textContent = say(state.face_supply ? "on" : "off");
  at("push").textContent = say(state.is_door_open ? "close" : "push");
  at("broker").textContent = say(state.is_broker_on ? "broker_off" : "broker_on");
  at("power").textContent = say(state.is_on ? "power_off" : "power_on");
  at("legacy").textContent = say(state.is_legacy_on ? "legacy_off" : "legacy_on");
  at("reader").classList.toggle("busy", Boolean(state.card));
  at("pin").textContent = say("pin_hint", { unit: state.unit, pin: state.pin });
  drawCards();
  drawCamera();
  document.querySelectorAll("#faces button").forEach((one) => {
    one.classList.toggle("here", one.dataset.face === state.face);
    one.setAttribute("aria-pressed", String(one.dataset.face === state.face));
  });
}

function drawCards() {
  const list = at("cards");
  if (list.dataset.shown === state.card + language) return;
  list.dataset.shown = state.card + language;
  list.replaceChildren(...["genuine", "clone", "uid"].map((name) => {
    const isHere = state.card === name;
    const label = say("card_" + name) + (isHere ? " · " + say("take_away") : "");
    const made = button(label, () => send(isHere ? { do: "untap" } : { do: "tap", card: name }));
    made.className = isHere ? "here" : "";
    made.dataset.card = name;
    return made;
  }));
}

function drawCamera() {
  at("camera").classList.toggle("powered", Boolean(state.face_supply));
  const face = state.gallery.faces.find((one) => one.name === state.face);
  at("seen").hidden = !(face && face.picture);
  if (face && face.picture) at("seen").src = face.picture;
}

function drawGallery() {
  const note = state.gallery.note;
  at("gallerynote").textContent = note.failed ? say("faces_failed", { why: note.failed })
    : note.text ? say("faces_coming", { part: Math.round(100 * note.part) }) : say("faces_hint");
  at("faces").replaceChildren(...state.gallery.faces.map((face) => {
    const isHere = state.face === face.name;
    const made = button("", () => send({ do: "look", face: isHere ? null : face.name }));
    made.className = isHere ? "here" : "";
    made.dataset.face = face.name;
    made.setAttribute("aria-pressed", String(isHere));
    const picture = document.createElement(face.picture ? "img" : "span");
    if (face.picture) { picture.src = face.picture; picture.alt = ""; } else {
      picture.className = "standin";
      picture.textContent = face.of.slice(0, 1).toUpperCase();
    }
    made.append(picture, say("name_" + face.of) + " " + face.shot);
    return made;
  }));
}

function drawStory() {
  const values = { door_pin: state.door_pin, code: state.code, number: state.number };
  const steps = ["card", "hold", "pin", "code", "shots", "enter", "other", "leave"];
  at("story").replaceChildren(...steps.map((name) => {
    const line = document.createElement("li");
    line.textContent = say("story_" + name, values);
    return line;
  }));
}

function drawPasses() {
  at("passes").replaceChildren(...state.passes.map((pass) => {
    const made = button("", () => {
      at("scanner").classList.add("busy");
      setTimeout(() => at("scanner").classList.remove("busy"), 700);
      send({ do: "pass", id: pass.id });
    });
    made.dataset.pass = pass.id;
    made.innerHTML = pass.svg;
    made.append(say("pass_" + pass.id));
    return made;
  }));
}

function drawRecords() {
  at("records").replaceChildren(...records.map((one) => {
    const row = document.createElement("tr");
    const isEntry = one.what === "entry" || one.what === "command";
    if (isEntry) row.className = one.reason === "granted" ? "good" : "bad";
    // A manager's action is in the manager's own words; only what a door said has names to translate.
    const what = texts.kind[one.what] ? texts.kind[one.what][language] : one.what;
    const method = texts.method[(one.method || "none").split(" ")[0]][language];
    const why = one.reason && one.reason !== "none" && one.texts ? one.texts[language] : one.subject || "";
    for (const value of [one.number, what, method || one.actor || "", why]) {
      row.insertCell().textContent = value;
    }
    return row;
  }));
}

function addRecords(events) {
  records = events.concat().reverse().concat(records).slice(0, RECORDS);
  drawRecords();
  const entry = events.filter((one) => one.what === "entry" || one.what === "command").pop();
  if (entry) show({ texts: entry.texts, kind: entry.reason === "granted" ? "good" : "bad" }, true);
}

function addMqtt(message) {
  const line = document.createElement("li");
  line.className = message.text.startsWith("up/") ? "up" : "down";
  line.textContent = `${message.text} (${message.size} B)`;
  at("mqtt").prepend(line);
  while (at("mqtt").children.length > MQTT_LINES) at("mqtt").lastChild.remove();
}

function tone(hertz) {
  // Browsers let a page make a sound only after somebody has touched it.
  if (!sound) return;
  sound.gain.gain.value = hertz ? 0.05 : 0;
  if (hertz) sound.oscillator.frequency.value = hertz;
}

function allowSound() {
  if (sound || !window.AudioContext) return;
  const context = new AudioContext();
  const oscillator = context.createOscillator();
  const gain = context.createGain();
  gain.gain.value = 0;
  oscillator.type = "square";
  oscillator.connect(gain).connect(context.destination);
  oscillator.start();
  sound = { oscillator, gain };
}

const handlers = {
  whole(message) {
    state = message;
    records = [];
    addRecords(message.events);
    show({ name: "waiting" }, false);
    drawPasses();
    drawGallery();
    drawStory();
    drawState();
  },
  gallery(message) { state.gallery = message; drawGallery(); drawCamera(); },
  link(message) {
    at("link").href = message.path;
    at("link").hidden = false;
    at("link").focus();
  },
  pins(message) { Object.assign(state, message); drawState(); },
  passes(message) { state.passes = message.passes; drawPasses(); },
  events(message) { addRecords(message.events); },
  mqtt(message) { addMqtt(message); },
  tone(message) { tone(message.hertz); },
  refused(message) {
    show({ texts: { en: say(message.text), "zh-CN": say(message.text) }, kind: "bad" }, true);
  },
};

function connect() {
  socket = new WebSocket(`ws://${location.host}/live`);
  socket.onmessage = (event) => {
    const message = JSON.parse(event.data);
    handlers[message.type](message);
  };
  socket.onclose = () => {
    show({ name: "ended", kind: "bad" }, false);
    setTimeout(connect, 2000);
  };
}

async function begin() {
  texts = await (await fetch("texts.json")).json();
  for (const key of "123456789*0#") {
    at("keys").append(button(key, () => send({ do: "key", key })));
  }
  document.querySelectorAll("[data-do]").forEach((one) => {
    one.addEventListener("click", () => send({ do: one.dataset.do }));
  });
  at("facekey").addEventListener("click", () => send({ do: "face_key" }));
  at("facehold").addEventListener("click", () => send({ do: "face_key", held: true }));
  at("link").addEventListener("click", () => { at("link").hidden = true; });
  document.addEventListener("pointerdown", allowSound, { once: true });
  document.addEventListener("keydown", (event) => {
    const isPlain = !event.ctrlKey && !event.metaKey && !event.altKey;
    if (isPlain && "0123456789*#".includes(event.key)) send({ do: "key", key: event.key });
  });
  at("language").addEventListener("click", () => {
    language = language === "en" ? "zh-CN" : "en";
    drawTexts();
    drawReason();
    drawRecords();
    if (state) { drawState(); drawPasses(); drawGallery(); drawStory(); }
  });
  drawTexts();
  drawReason();
  connect();
}

begin();
