"use strict";
// Shows the sentences of a test set. Text only ever enters the page as textContent.

const SVG = "http://www.w3.org/2000/svg";
const LEVELS = 255;
const GROUP_COLOURS = 3;
const CELL = 17;

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

async function unpack(packed) {
  const bytes = Uint8Array.from(atob(packed), (character) => character.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
  return new Response(stream).json();
}

// SentencePiece's word mark is dropped; where it is in use, what continues a word begins with a dot.
function labels(tokens) {
  const marked = tokens.some((token) => token.startsWith("▁"));
  return tokens.map((token) => {
    if (!marked) return token || "▁";
    if (token.startsWith("▁")) return token.slice(1) || "▁";
    return /^[\p{L}\p{N}]/u.test(token) ? `·${token}` : token;
  });
}

function percent(code) {
  if (code === 0) return "0 %";
  const share = (100 * code) / LEVELS;
  return share < 1 ? "< 1 %" : `${Math.round(share)} %`;
}

function pairs(row) {
  const found = [];
  for (let at = 0; at < row.length; at += 2) found.push([row[at], row[at + 1]]);
  return found;
}

// Ascending positions as [first, last] of each stretch of neighbours.
function stretches(positions) {
  const found = [];
  for (const position of positions) {
    const last = found.at(-1);
    if (last && last[1] === position - 1) last[1] = position;
    else found.push([position, position]);
  }
  return found;
}

function shorten(label) {
  return label.length > 14 ? `${label.slice(0, 13)}…` : label;
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
  for (const button of buttons) button.tabIndex = button === chosen ? 0 : -1;
}

// What a card shows: the rows of a head, or of the mean of heads, and the tokens on both sides.
function view(sentence, output, head) {
  const [kind, layer, number] = head.split(" ");
  const rows = output.heads?.[kind]?.[layer]?.[number];
  const sides = { across: "Source", down: "Output", sources: sentence.tokens, targets: output.tokens };
  if (!rows) return { ...sides, rows: output.rows, groups: output.groups, missing: head !== "" };
  const groups = rows.map(() => []);
  if (kind === "encoder_self_attn") return { ...sides, down: "Source", targets: sentence.tokens, rows, groups };
  if (kind === "decoder_self_attn") return { ...sides, across: "Output", sources: output.tokens, rows, groups };
  return { ...sides, rows, groups };
}

class Card {
  constructor(label, metric, sentence, output, head = "") {
    const shown = view(sentence, output, head);
    this.output = shown;
    this.sources = labels(shown.sources);
    this.targets = labels(shown.targets);
    this.spans = this.sources.map((text) => element("span", { class: "token", dir: "auto" }, text));
    this.buttons = this.targets.map((text) =>
      element("button", { type: "button", class: "token", dir: "auto", "aria-pressed": "false" }, text));
    this.readout = element("p", { class: "readout", role: "status" });
    const facts = [];
    if (output.score !== null) facts.push(`${metric} ${output.score.toFixed(1)}`);
    const support = head && !shown.missing
      ? shown.rows.reduce((sum, row) => sum + row.length / 2, 0) / Math.max(shown.rows.length, 1)
      : output.support;
    facts.push(`${support.toFixed(1)} of ${this.sources.length} attended`);
    this.root = element("article", { class: "card", "aria-label": label },
      element("h4", {}, label, element("span", {}, facts.join(" · "))),
      element("p", { class: "output", dir: "auto" }, output.text));
    if (this.targets.length === 0) {
      this.root.append(element("p", { class: "side" }, "Its attention is not shown: it is not in an exported run, or its source tokens are others."));
      return;
    }
    if (shown.missing) {
      this.root.append(element("p", { class: "side" }, "This head is not kept for this sentence: the mean of the last layer’s heads is shown."));
    }
    const written = element("div", { class: "tokens target", role: "group", "aria-label": `${shown.down} tokens` },
      ...this.buttons);
    this.rows = [];
    this.root.append(
      element("p", { class: "side" }, shown.across),
      element("div", { class: "tokens source", "aria-hidden": "true" }, ...this.spans),
      element("p", { class: "side" }, shown.down,
        element("span", { class: "hint" }, ": point at a token, or choose it by arrow keys")),
      written, this.readout, this.matrix(label));
    rove(this.buttons, this.buttons[0]);
    arrowKeys(written, () => this.buttons, "ArrowRight", "ArrowLeft");
    this.pinned = -1;
    this.buttons.forEach((button, index) => {
      button.addEventListener("mouseenter", () => this.show(index));
      button.addEventListener("mouseleave", () => this.show(this.pinned));
      button.addEventListener("focus", () => { rove(this.buttons, button); this.show(index); });
      button.addEventListener("blur", () => this.show(this.pinned));
      button.addEventListener("click", () => this.pin(index));
    });
    this.say(-1);
  }

  pin(index) {
    this.pinned = this.pinned === index ? -1 : index;
    this.buttons.forEach((button, at) => button.setAttribute("aria-pressed", String(at === this.pinned)));
    this.show(index);
  }

  show(index) {
    this.buttons.forEach((button, at) => button.classList.toggle("chosen", at === index));
    this.rows.forEach((row, at) => row.classList.toggle("chosen", at === index));
    for (const span of this.spans) {
      span.className = "token";
      span.removeAttribute("style");
      span.removeAttribute("title");
    }
    if (index >= 0) {
      for (const [position, code] of pairs(this.output.rows[index])) {
        this.spans[position].classList.add("lit");
        this.spans[position].style.setProperty("--weight", code / LEVELS);
        this.spans[position].title = percent(code);
      }
      this.output.groups[index].forEach((group, number) => {
        for (const [first, last] of stretches(group)) {
          for (let at = first; at <= last; at += 1) {
            this.spans[at].classList.add("in-group");
            this.spans[at].style.setProperty("--group", `var(--group-${number % GROUP_COLOURS})`);
          }
          this.spans[first].classList.add("begins");
          this.spans[last].classList.add("ends");
        }
      });
    }
    this.say(index);
  }

  say(index) {
    if (index < 0) {
      this.readout.textContent = "";
      return;
    }
    const codes = new Map(pairs(this.output.rows[index]));
    const grouped = new Set(this.output.groups[index].flat());
    const parts = this.output.groups[index].map((group) =>
      [codes.get(group[0]), `${group.map((at) => this.sources[at]).join(" + ")} ${percent(codes.get(group[0]))} each`]);
    for (const [position, code] of codes) {
      if (!grouped.has(position)) parts.push([code, `${this.sources[position]} ${percent(code)}`]);
    }
    parts.sort((one, other) => other[0] - one[0]);
    const shown = parts.slice(0, 6).map((part) => part[1]);
    if (parts.length > 6) shown.push(`${parts.length - 6} more`);
    this.readout.textContent = `${this.targets[index]}: ${shown.join(", ") || "nothing"}`;
  }

  matrix(label) {
    const across = this.sources.length * CELL;
    const down = this.targets.length * CELL;
    const longest = (texts) => Math.max(...texts.map((text) => shorten(text).length), 1);
    const left = 8 + 6.4 * longest(this.targets);
    const top = 8 + 5.2 * longest(this.sources);
    const right = 4 + 3.6 * longest(this.sources);
    const svg = shape("svg", {
      width: left + across + right, height: top + down + 4, role: "img",
      viewBox: `0 0 ${left + across + right} ${top + down + 4}`,
      "aria-label": `Attention of ${label}: ${this.output.across.toLowerCase()} across, ${this.output.down.toLowerCase()} down`,
    });
    const grid = shape("g", { transform: `translate(${left} ${top})` });
    svg.append(grid);
    this.sources.forEach((text, at) => grid.append(shape("text", {
      transform: `translate(${(at + 0.6) * CELL} -5) rotate(-52)` }, shorten(text))));
    this.targets.forEach((text, at) => grid.append(shape("text", {
      x: -5, y: (at + 0.7) * CELL, "text-anchor": "end" }, shorten(text))));
    this.output.rows.forEach((row, at) => {
      for (const [position, code] of pairs(row)) {
        grid.append(shape("rect", {
          class: "weight", x: position * CELL + 1, y: at * CELL + 1, width: CELL - 2, height: CELL - 2,
          rx: 2, "fill-opacity": (0.08 + (0.92 * code) / LEVELS).toFixed(3) }));
      }
      this.output.groups[at].forEach((group, number) => this.outline(grid, at, stretches(group), number));
      const band = shape("rect", { class: "row", x: 0, y: at * CELL, width: across, height: CELL });
      band.addEventListener("mouseenter", () => this.show(at));
      band.addEventListener("mouseleave", () => this.show(this.pinned));
      this.rows.push(band);
    });
    grid.append(shape("rect", { class: "frame", width: across, height: down }), ...this.rows);
    return element("div", { class: "matrix", tabindex: "0", role: "region", "aria-label": `Heat map of ${label}` }, svg);
  }

  outline(grid, row, parts, number) {
    const stroke = `stroke: var(--group-${number % GROUP_COLOURS})`;
    let end = null;
    for (const [first, last] of parts) {
      const box = shape("rect", {
        class: "outline", x: first * CELL + 1, y: row * CELL + 1, rx: 3,
        width: (last - first + 1) * CELL - 2, height: CELL - 2 });
      box.setAttribute("style", stroke);
      grid.append(box);
      if (end !== null) {
        const join = shape("line", {
          class: "outline", x1: end * CELL - 1, x2: first * CELL + 1,
          y1: (row + 0.5) * CELL, y2: (row + 0.5) * CELL, "stroke-dasharray": "2 2" });
        join.setAttribute("style", stroke);
        grid.append(join);
      }
      end = last + 1;
    }
  }
}

class Explorer {
  constructor(root, content) {
    this.content = content;
    this.find = (name) => root.querySelector(`.${name}`);
    this.list = this.find("list");
    this.count = this.find("count");
    this.entries = content.sentences.map((sentence, index) => this.entry(sentence, index));
    this.shown = this.entries;
    for (const name of ["controls", "panes"]) this.find(name).hidden = false;
    this.find("search").addEventListener("input", () => this.refresh());
    for (const name of ["order", "system"]) this.find(name).addEventListener("change", () => this.refresh());
    this.find("head")?.addEventListener("change", () => { if (this.chosen) this.display(this.chosen); });
    this.find("search").addEventListener("keydown", (event) => {
      if (event.key === "ArrowDown" && this.shown.length) {
        event.preventDefault();
        this.shown[0].button.focus();
      }
    });
    arrowKeys(this.list, () => this.shown.map((entry) => entry.button), "ArrowDown", "ArrowUp");
    this.refresh();
    if (this.entries.length) this.choose(this.entries[0]);
  }

  entry(sentence, index) {
    const key = element("span", { class: "key" });
    const button = element("button", { type: "button", tabindex: "-1" }, key,
      element("span", { class: "text", dir: "auto" }, sentence.source));
    const entry = { sentence, index, key, button, item: element("li", {}, button), text: null };
    button.addEventListener("focus", () => this.choose(entry));
    button.addEventListener("click", () => this.choose(entry));
    return entry;
  }

  words(entry) {
    const { source, reference, question, outputs } = entry.sentence;
    entry.text ??= [source, reference, question, ...outputs.map((output) => output.text)]
      .join("\n").toLocaleLowerCase();
    return entry.text;
  }

  // What the sentences are sorted by, and how it is said beside each.
  measure(order) {
    const system = Number(this.find("system").value);
    const of = (entry) => entry.sentence.outputs[system];
    const gain = (entry) => (of(entry).score ?? 0) - (entry.sentence.outputs[0].score ?? 0);
    const signed = (value) => `${value < 0 ? "−" : "+"}${Math.abs(value).toFixed(1)}`;
    const measures = {
      position: [(entry) => -entry.index, () => ""],
      gain: [gain, (entry) => signed(gain(entry))],
      loss: [(entry) => -gain(entry), (entry) => signed(gain(entry))],
      score: [(entry) => of(entry).score ?? -1, (entry) => (of(entry).score ?? 0).toFixed(1)],
      long: [(entry) => entry.sentence.tokens.length, (entry) => `${entry.sentence.tokens.length} tokens`],
      short: [(entry) => -entry.sentence.tokens.length, (entry) => `${entry.sentence.tokens.length} tokens`],
      sparse: [(entry) => -of(entry).support, (entry) => `${of(entry).support.toFixed(1)} attended`],
      dense: [(entry) => of(entry).support, (entry) => `${of(entry).support.toFixed(1)} attended`],
    };
    return measures[order];
  }

  refresh() {
    const wanted = this.find("search").value.toLocaleLowerCase().split(/\s+/u).filter(Boolean);
    const [value, said] = this.measure(this.find("order").value);
    const values = new Map(this.entries.map((entry) => [entry, value(entry)]));
    this.shown = this.entries
      .filter((entry) => wanted.every((word) => this.words(entry).includes(word)))
      .sort((one, other) => values.get(other) - values.get(one) || one.index - other.index);
    for (const entry of this.shown) {
      const what = said(entry);
      entry.key.textContent = what ? `${entry.index + 1} · ${what} ` : `${entry.index + 1} `;
    }
    this.list.replaceChildren(...this.shown.map((entry) => entry.item));
    this.list.scrollTop = 0;
    const stop = this.shown.includes(this.chosen) ? this.chosen : this.shown[0];
    rove(this.entries.map((entry) => entry.button), stop?.button);
    const { shown, total } = this.count.dataset;
    const all = shown === total ? `${total} sentences` : `the first ${shown} of ${total} sentences`;
    this.count.textContent = wanted.length ? `${this.shown.length} of ${all}` : all;
  }

  choose(entry) {
    if (this.chosen === entry) return;
    this.display(entry);
  }

  display(entry) {
    this.chosen?.button.removeAttribute("aria-current");
    this.chosen = entry;
    entry.button.setAttribute("aria-current", "true");
    rove(this.entries.map((other) => other.button), entry.button);
    const { sentence, index } = entry;
    const texts = element("dl");
    for (const [name, text] of [
      ["Sentence", String(index + 1)], ["Source", sentence.source], ["Hypothesis", sentence.question],
      ["Reference", sentence.reference],
    ]) {
      if (text) texts.append(element("dt", {}, name), element("dd", { dir: "auto" }, text));
    }
    const cards = sentence.outputs.map((output, at) =>
      new Card(this.content.systems[at], this.content.metric, sentence, output, this.find("head")?.value ?? "").root);
    this.find("view").replaceChildren(texts, element("div", { class: "cards" }, ...cards));
  }
}

async function open(root) {
  const packed = root.querySelector(".packed");
  try {
    new Explorer(root, await unpack(packed.textContent.trim()));
    packed.remove();
    root.dataset.ready = "true";
  } catch (error) {
    root.querySelector(".count").textContent =
      `The sentences cannot be shown: ${error instanceof Error ? error.message : error}`;
  }
}

// The first at once, the others when they come near.
const explorers = [...document.querySelectorAll(".explorer")];
const watcher = new IntersectionObserver((seen) => {
  for (const { isIntersecting, target } of seen) {
    if (!isIntersecting) continue;
    watcher.unobserve(target);
    open(target);
  }
}, { rootMargin: "600px" });
explorers.forEach((root, index) => (index === 0 ? open(root) : watcher.observe(root)));

document.addEventListener("keydown", (event) => {
  if (event.key !== "/" || event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.target instanceof HTMLElement && event.target.matches("input, select, textarea")) return;
  const near = event.target instanceof Element ? event.target.closest(".explorer") : null;
  const search = (near ?? explorers[0])?.querySelector(".search");
  if (!search) return;
  event.preventDefault();
  search.focus();
});
