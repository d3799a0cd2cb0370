// What pages do without being loaded again. Every act is an ordinary form or link and works
// without this file; here the same answer of the server replaces only the part that changed.
"use strict";

const page = new DOMParser();
const running = new Map();

// data-swap="#a, #b" on a form or link: fetch, then exchange these parts (and the notice).
async function swap(element, url, options, also = "") {
  const parts = `${element.dataset.swap},${also}`.split(",").map((part) => part.trim()).filter(Boolean);
  running.get(element.dataset.swap)?.abort();
  const stop = new AbortController();
  running.set(element.dataset.swap, stop);
  const old = parts.map((part) => document.querySelector(part));
  old.forEach((part) => part?.setAttribute("data-busy", ""));
  try {
    const answer = await fetch(url, { ...options, signal: stop.signal, headers: { "X-Part": "1" } });
    if (answer.redirected && new URL(answer.url).pathname !== location.pathname && element.dataset.stay === undefined) {
      location.assign(answer.url);
      return;
    }
    exchange(page.parseFromString(await answer.text(), "text/html"), parts);
    if (element.dataset.push !== undefined) history.replaceState(null, "", url);
  } catch (problem) {
    if (problem.name !== "AbortError") location.reload();
  } finally {
    old.forEach((part) => part?.removeAttribute("data-busy"));
  }
}

function exchange(answer, parts) {
  const focus = document.activeElement?.id || document.activeElement?.closest("[data-item]")?.id;
  const place = window.scrollY;
  for (const part of new Set([...parts, "#notice"])) {
    const fresh = answer.querySelector(part);
    const stale = document.querySelector(part);
    if (fresh && stale) stale.replaceWith(document.adoptNode(fresh));
    if (!fresh && answer.querySelector("main") && part !== "#notice") return document.querySelector("main").replaceWith(document.adoptNode(answer.querySelector("main")));
  }
  if (focus) document.getElementById(focus)?.focus({ preventScroll: true });
  window.scrollTo(0, place);
}

function send(form, button, also) {
  const content = new FormData(form, button);
  const method = (button?.formMethod || form.method).toLowerCase();
  const target = button?.getAttribute("formaction") || form.getAttribute("action") || location.pathname;
  if (method === "post") return swap(form, target, { method: "POST", body: content }, also);
  const url = new URL(target, location.href);
  url.search = new URLSearchParams([...content].filter(([, value]) => value !== "")).toString();
  return swap(form, url, {});
}

document.addEventListener("submit", (event) => {
  const question = event.submitter?.dataset.confirm;
  if (question && !window.confirm(question)) return event.preventDefault();
  if (!event.target.dataset.swap) return;
  event.preventDefault();
  if (event.target.dataset.autosave !== undefined && event.submitter?.value !== "works") {
    note(event.target, event.submitter?.dataset.swapAlso);
    keep(event.target);
  } else send(event.target, event.submitter);
});

document.addEventListener("click", (event) => {
  const link = event.target.closest("a[data-swap]");
  if (link && !event.metaKey && !event.ctrlKey) {
    event.preventDefault();
    swap(link, link.href, {});
  }
  if (event.target.closest("[data-theme-toggle]")) toggleTheme();
  const opener = event.target.closest("[data-dialog]");
  if (opener) document.querySelector(opener.dataset.dialog)?.showModal();
});

// data-live on a form: send it while somebody types or slides; data-autosave the same, by post.
// data-swap-also on a field: exchange this part, too, when the field changes.
const waiting = new WeakMap();
document.addEventListener("input", (event) => {
  const form = event.target.form;
  count(event.target);
  if (!form || (form.dataset.live === undefined && form.dataset.autosave === undefined)) return;
  window.clearTimeout(waiting.get(form));
  const pause = form.dataset.live !== undefined ? 150 : 900;
  if (form.dataset.autosave !== undefined) note(form, event.target.dataset.swapAlso);
  waiting.set(form, window.setTimeout(() => form.dataset.autosave === undefined ? send(form) : keep(form), pause));
});

// Keeping a form: one save at a time, never broken off, so that versions follow each other; what
// was typed meanwhile goes with the next. A save that fails leaves the form alone and says so.
const kept = new WeakMap();
function note(form, also) {
  const state = kept.get(form) || { busy: false, dirty: false, also: new Set() };
  state.dirty = true;
  if (also) state.also.add(also);
  kept.set(form, state);
  return state;
}

async function keep(form) {
  const state = note(form);
  if (state.busy) return;
  Object.assign(state, { busy: true, dirty: false });
  const parts = [...form.dataset.swap.split(",").map((part) => part.trim()), ...state.also];
  state.also.clear();
  let again = 0;
  try {
    const answer = await fetch(form.action, { method: "POST", body: new FormData(form, form.querySelector("[data-autosave-button]")) });
    const fresh = page.parseFromString(await answer.text(), "text/html");
    const fine = answer.ok && fresh.querySelector("#saved");
    if (fine) {
      parts.forEach((part) => carry(document.querySelector(part), fresh.querySelector(part)));
      history.replaceState(null, "", answer.url);
    } else parts.slice(3).forEach((part) => state.also.add(part));
    complain(form, fine ? "" : fresh.querySelector("main [role=alert]")?.textContent || form.dataset.failed);
  } catch {
    complain(form, form.dataset.failed);
    state.dirty = true;
    again = 4000;
  }
  state.busy = false;
  if (state.dirty) window.setTimeout(() => keep(form), again);
}

function complain(form, text) {
  const place = document.getElementById("unsaved");
  place.textContent = text;
  place.hidden = !text;
}

// Exchange a part, but let what is being typed in it stand.
function carry(stale, fresh) {
  if (!stale || !fresh) return;
  const focus = document.activeElement?.id;
  const typed = [...stale.querySelectorAll("input[type=text], textarea")].map((field) => [field.name, field.value]);
  stale.replaceWith(document.adoptNode(fresh));
  for (const [name, value] of typed) {
    const field = fresh.querySelector(`[name="${CSS.escape(name)}"]`);
    if (field) field.value = value;
  }
  if (focus) document.getElementById(focus)?.focus({ preventScroll: true });
}

window.addEventListener("beforeunload", (event) => {
  const form = document.querySelector("form[data-autosave]");
  if (form && kept.get(form)?.dirty) event.preventDefault();
});

function count(field) {
  const shown = document.querySelector(`[data-count="${field.id}"]`);
  if (shown) shown.textContent = `${[...field.value].length} / ${field.maxLength}`;
}

// Keys: j/k go through [data-item]; 0-9, letters press the [data-key] of the item in focus, then
// of the page; ? opens the help. Never while somebody types.
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest("input:not([type=range]), textarea, select, dialog[open]")) return;
  const items = [...document.querySelectorAll("[data-item]")];
  const item = document.activeElement?.closest("[data-item]");
  if (event.key === "j" || event.key === "k") {
    const next = items[Math.max(0, Math.min(items.length - 1, items.indexOf(item) + (event.key === "j" ? 1 : -1)))];
    next?.focus();
    next?.scrollIntoView({ block: "nearest" });
    return;
  }
  if (event.key === "Enter" && event.target.closest("a, button, summary, input")) return;  // it acts by itself
  const wanted = `[data-key="${CSS.escape(event.key)}"]`;
  // What is folded away is not pressed: nobody saw it.
  const seen = (places) => [...places].find((place) => place.checkVisibility());
  const pressed = seen(item?.querySelectorAll(wanted) || []) || seen(document.querySelectorAll(`#main ${wanted}:not([data-item] *)`));
  if (pressed) {
    event.preventDefault();
    if (item) remembered = item.id;
    pressed.matches("input, select, textarea") ? pressed.focus() : pressed.click();
  }
});
let remembered = "";
new MutationObserver(() => {
  if (remembered && document.activeElement === document.body) document.getElementById(remembered)?.focus({ preventScroll: true });
}).observe(document.documentElement, { childList: true, subtree: true });

// The board: a card dropped on a column sets its stage and sends its form.
document.addEventListener("dragstart", (event) => {
  const card = event.target.closest("[draggable]");
  if (card) event.dataTransfer.setData("text/plain", card.id);
});
document.addEventListener("dragover", (event) => {
  const column = event.target.closest("[data-stage]");
  if (column) { event.preventDefault(); column.classList.add("over"); }
});
document.addEventListener("dragleave", (event) => event.target.closest?.("[data-stage]")?.classList.remove("over"));
document.addEventListener("drop", (event) => {
  const column = event.target.closest("[data-stage]");
  const form = document.getElementById(event.dataTransfer.getData("text/plain"))?.querySelector("form[data-swap]");
  if (!column || !form) return;
  event.preventDefault();
  form.elements.stage.value = column.dataset.stage;
  send(form);
});

function toggleTheme() {
  const dark = document.documentElement.dataset.theme === "dark" ||
    (!document.documentElement.dataset.theme && window.matchMedia("(prefers-color-scheme: dark)").matches);
  document.documentElement.dataset.theme = dark ? "light" : "dark";
  localStorage.setItem("theme", document.documentElement.dataset.theme);
}
const theme = localStorage.getItem("theme");
if (theme) document.documentElement.dataset.theme = theme;
document.querySelectorAll("[data-count]").forEach((shown) => count(document.getElementById(shown.dataset.count)));
