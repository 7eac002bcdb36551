// The page's words and dates in the language that was chosen.

const LANGUAGES = ["en", "zh-CN"];
const KEPT = "altgate-language";
let texts = null;
export let language = localStorage.getItem(KEPT)
  || ((navigator.language || "en").startsWith("zh") ? "zh-CN" : "en");

export async function loadTexts() {
  texts = await (await fetch("texts.json")).json();
}

// One of the page's own texts; {name} in it is replaced by a value.
export function say(name, values = {}) {
  const text = (texts.page[name] || {})[language] || name;
  return text.replace(/\{(\w+)\}/g, (_, key) => values[key]);
}

// A word for a name that a door used; null for one that is newer than the texts.
export function word(table, name) {
  return texts[table][name] ? texts[table][name][language] : null;
}

export function steps() {
  return texts.steps[language];
}

export function otherLanguage() {
  return LANGUAGES.find((one) => one !== language);
}

export function turnLanguage() {
  language = otherLanguage();
  localStorage.setItem(KEPT, language);
}

export function inWords(seconds) {
  const format = new Intl.DateTimeFormat(language, { dateStyle: "medium", timeStyle: "short" });
  return format.format(new Date(seconds * 1000));
}

// Such as "Mon–Fri 07:00–19:00".
export function hoursInWords(hours) {
  const format = new Intl.DateTimeFormat(language, { weekday: "short", timeZone: "UTC" });
  const name = (day) => format.format(new Date(Date.UTC(2024, 0, 1 + day)));  // that one was a Monday
  const days = hours.days.map(([first, last]) => first < last ? `${name(first)}–${name(last)}` : name(first));
  return `${days.join(", ")} ${hours.start}–${hours.end}`;
}

export function listed(names) {
  return new Intl.ListFormat(language).format(names);
}
