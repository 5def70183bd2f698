"use strict";
// What the page's scripts share. Text only ever enters the page as textContent.

const SVG = "http://www.w3.org/2000/svg";

function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children);
  return made;
}

function shape(tag, attributes = {}, text = null) {
  const made = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  if (text !== null) made.textContent = text;
  return made;
}

function button(text, title, act) {
  const made = element("button", { type: "button", class: "act", title }, text);
  made.addEventListener("click", act);
  return made;
}

// One tab stop for a list of buttons; arrows move within it.
function arrowKeys(container, buttons, forward, backward) {
  container.addEventListener("keydown", (event) => {
    const all = buttons();
    const at = all.indexOf(document.activeElement);
    if (at < 0 || event.ctrlKey || event.altKey || event.metaKey) return;
    const targets = {
      [forward]: at + 1, [backward]: at - 1, Home: 0, End: all.length - 1,
      PageDown: at + 10, PageUp: at - 10,
    };
    if (!(event.key in targets)) return;
    event.preventDefault();
    all[Math.min(Math.max(targets[event.key], 0), all.length - 1)].focus();
  });
}

function rove(buttons, chosen) {
  for (const one of buttons) one.tabIndex = one === chosen ? 0 : -1;
}

function download(name, content) {
  const link = element("a", { href: URL.createObjectURL(content), download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
}

// Rows of cells as CSV; the mark at the beginning lets spreadsheets read it as UTF-8.
function csv(rows) {
  const quoted = (cell) => {
    const text = String(cell ?? "");
    return /[",\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  };
  const lines = rows.map((row) => `${row.map(quoted).join(",")}\n`);
  return new Blob(["\ufeff", ...lines], { type: "text/csv" });
}

// The part of the page that its address names, and what is to be shown of it:
// #part-1-sentences?sentence=8&order=gain
function address() {
  const [id, query = ""] = location.hash.slice(1).split("?");
  return { id: decodeURIComponent(id), query: new URLSearchParams(query) };
}
