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
    if (element.dataset.autosave !== undefined && answer.ok) history.replaceState(null, "", answer.url);
  } catch (problem) {
    if (problem.name !== "AbortError") location.reload();
  } finally {
    old.forEach((part) => part?.removeAttribute("data-busy"));
  }
}

function exchange(answer, parts) {
  const focus = document.activeElement?.id;
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
  send(event.target, event.submitter);
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
  waiting.set(form, window.setTimeout(() => send(form, form.querySelector("[data-autosave-button]"), event.target.dataset.swapAlso), pause));
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
  const wanted = `[data-key="${CSS.escape(event.key)}"]`;
  const pressed = item?.querySelector(wanted) || document.querySelector(`#main ${wanted}:not([data-item] *)`);
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
