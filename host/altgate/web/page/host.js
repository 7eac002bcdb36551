// What the page asks of the host. The cookie goes along by itself; nothing secret is ever in an address.

const TOLD = ["no_session", "link_spent"]; // the errors that a resident is told in words of their own
let seen = null;
let etag = null;

// The host was not reached, or could not answer.
export class Unreached extends Error {}

async function ask(path, options = {}) {
  try {
    return await fetch(path, { ...options, cache: "no-store" });
  } catch {
    throw new Unreached();
  }
}

// Returns null, or the name of the text that says what went wrong. Throws Unreached.
export async function post(path, content) {
  const headers = { "content-type": "application/json" };
  const response = await ask(path, { method: "POST", headers, body: JSON.stringify(content) });
  return response.ok ? null : nameOf(response);
}

// { state, isNew }, or { error } with the name of a text. Throws Unreached.
export async function getState() {
  const response = await ask("state", { headers: etag ? { "if-none-match": etag } : {} });
  if (response.status === 304) return { state: seen, isNew: false };
  if (!response.ok) return { error: await nameOf(response) };
  seen = await response.json();
  etag = response.headers.get("etag");
  return { state: seen, isNew: true };
}

// The notice of this version. Throws Unreached.
export async function getNotice(version) {
  const response = await ask(`notice/${version}`);
  if (!response.ok) throw new Unreached();
  return response.json();
}

async function nameOf(response) {
  const isOurs = (response.headers.get("content-type") || "").startsWith("application/json");
  const name = isOurs ? (await response.json()).error : "";
  return TOLD.includes(name) ? name : "failed";
}
