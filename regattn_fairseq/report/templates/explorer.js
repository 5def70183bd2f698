"use strict";
// Lists the sentences of a test set, and shows one of them under every system.

const SHRUNK = 0.7; // a heat map shrinks so far before it scrolls, as the style sheet says

class Explorer {
  constructor(root, content) {
    this.root = root;
    this.content = content;
    this.find = (name) => root.querySelector(`.${name}`);
    this.list = this.find("list");
    this.entries = content.sentences.map((sentence, index) => this.entry(sentence, index));
    this.shown = this.entries;
    for (const name of ["controls", "panes"]) this.find(name).hidden = false;
    const changed = (name, act) => this.find(name)?.addEventListener("change", act);
    this.find("search").addEventListener("input", () => this.refresh(true));
    for (const name of ["order", "system"]) {
      changed(name, () => { this.chosen = null; this.refresh(true); });
    }
    for (const name of ["against", "head"]) {
      changed(name, () => { if (this.chosen) this.display(this.chosen, true); });
    }
    this.find("search").addEventListener("keydown", (event) => {
      if (event.key === "ArrowDown" && this.shown.length) {
        event.preventDefault();
        this.shown[0].button.focus();
      }
    });
    this.find("controls").append(button("CSV", "The sentences that are listed, as a table",
      () => this.save("csv", csv(this.table()))));
    arrowKeys(this.list, () => this.shown.map((entry) => entry.button), "ArrowDown", "ArrowUp");
    addEventListener("hashchange", () => this.follow());
    if (!this.follow()) this.refresh(false);
    const compare = this.find("compare");
    if (compare) setTimeout(() => new Comparison(compare, this)); // once the sentences are there
  }

  // Shows a sentence, whether it is listed or not.
  go(entry) {
    if (!this.shown.includes(entry)) this.find("search").value = "";
    this.chosen = entry;
    this.refresh(true);
    this.display(entry, true);
    this.find("panes").scrollIntoView();
    entry.item.scrollIntoView({ block: "nearest" });
  }

  search(words) {
    this.find("search").value = words;
    this.refresh(true);
    this.find("controls").scrollIntoView();
  }

  entry(sentence, index) {
    const key = element("span", { class: "key" });
    const one = element("button", { type: "button", tabindex: "-1" }, key,
      element("span", { class: "text", dir: "auto" }, sentence.source));
    const entry = { sentence, index, key, button: one, item: element("li", {}, one), text: null };
    const choose = () => { if (this.chosen !== entry) this.display(entry, true); };
    one.addEventListener("focus", choose);
    one.addEventListener("click", choose);
    return entry;
  }

  // Shows what the page's address asks for; false if it asks for nothing here.
  follow() {
    const { id, query } = address();
    if (id !== this.root.id || [...query].length === 0) return false;
    this.find("search").value = query.get("search") ?? "";
    for (const name of ["order", "system", "against", "head"]) {
      const select = this.find(name);
      const wanted = query.get(name);
      const option = [...(select?.options ?? [])].find((each) => name === "system" ? each.text === wanted : each.value === wanted);
      if (option) select.value = option.value;
    }
    this.chosen = this.entries[Number(query.get("sentence")) - 1] ?? null;
    this.refresh(false);
    if (this.chosen) this.display(this.chosen, false);
    return true;
  }

  link(entry) {
    const query = new URLSearchParams({ sentence: entry.index + 1 });
    const order = this.find("order").value;
    if (order !== "position") query.set("order", order);
    if (this.asks()) query.set("system", this.content.systems[this.find("system").value]);
    for (const [name, usual] of [["search", ""], ["against", "reference"], ["head", ""]]) {
      const value = this.find(name)?.value ?? usual;
      if (value !== usual) query.set(name, value);
    }
    return `#${this.root.id}?${query}`;
  }

  // Whether the order is that of a system's figures.
  asks() {
    return !["position", "long", "short"].includes(this.find("order").value);
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
    const tokens = (entry) => entry.sentence.tokens.length;
    const repeated = (entry) => repetitions(of(entry).text, entry.sentence.reference).length;
    const dropped = (entry) => of(entry).dropped.length;
    const measures = {
      position: [(entry) => -entry.index, () => ""],
      gain: [gain, (entry) => signed(gain(entry))],
      loss: [(entry) => -gain(entry), (entry) => signed(gain(entry))],
      score: [(entry) => of(entry).score ?? -1, (entry) => (of(entry).score ?? 0).toFixed(1)],
      long: [tokens, (entry) => `${tokens(entry)} tokens`],
      short: [(entry) => -tokens(entry), (entry) => `${tokens(entry)} tokens`],
      sparse: [(entry) => -of(entry).support, (entry) => `${of(entry).support.toFixed(1)} attended`],
      dense: [(entry) => of(entry).support, (entry) => `${of(entry).support.toFixed(1)} attended`],
      repeated: [repeated, (entry) => `${repeated(entry)} repeated`],
      dropped: [dropped, (entry) => `${dropped(entry)} unattended`],
    };
    return measures[order];
  }

  // Words that must all be there; those in double quotes must stand together.
  wanted() {
    const typed = this.find("search").value.toLocaleLowerCase();
    return [...typed.matchAll(/"([^"]+)"?|\S+/gu)].map((match) => match[1] ?? match[0]).filter((word) => word !== '"');
  }

  refresh(byHand) {
    const wanted = this.wanted();
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
    this.say(wanted);
    if (!this.shown.length) this.nothing();
    else if (!this.shown.includes(this.chosen)) this.display(this.shown[0], byHand);
    else this.aim();
  }

  say(wanted) {
    const count = this.find("count");
    const { shown, total } = count.dataset;
    const all = shown === total ? `${total} sentences` : `the first ${shown} of ${total} sentences`;
    const order = this.find("order").selectedOptions[0].text;
    const by = this.asks() ? `${order}, of ${this.content.systems[this.find("system").value]}` : order;
    const found = wanted.length ? `${this.shown.length} of ${all} with ${wanted.map((word) => `“${word}”`).join(" and ")}` : all;
    count.textContent = `${found}; sorted by ${by}`;
  }

  nothing() {
    this.chosen?.button.removeAttribute("aria-current");
    this.chosen = null;
    this.find("view").replaceChildren(element("p", {},
      "No sentence has all of these words in its source, its reference or an output."));
  }

  // One tab stop, at the sentence that is shown.
  aim() {
    rove(this.entries.map((entry) => entry.button), this.chosen.button);
  }

  display(entry, byHand) {
    for (const other of this.entries) other.button.removeAttribute("aria-current");
    this.chosen = entry;
    entry.button.setAttribute("aria-current", "true");
    this.aim();
    const link = this.link(entry);
    if (byHand) history.replaceState(null, "", link);
    const { sentence, index } = entry;
    const texts = element("dl", {}, element("dt", {}, "Sentence"),
      element("dd", {}, String(index + 1)));
    const source = sentence.tokens.length ? "" : sentence.source;
    for (const [name, text] of [["Source", source], ["Hypothesis", sentence.question], ["Reference", sentence.reference]]) {
      if (text) texts.append(element("dt", {}, name), element("dd", { dir: "auto" }, text));
    }
    const strip = new Strip("Source", sentence.tokens);
    const cards = this.cards(sentence, strip);
    const holder = element("div", { class: "cards" }, ...cards.map((card) => card.root));
    holder.style.setProperty("--widest", `${Math.max(...cards.map((card) => SHRUNK * (card.width ?? 0))) + 30}px`);
    const acts = element("p", { class: "acts" }, element("a", { href: link }, "Link to this view"), " ",
      button("JSON", "The texts and weights of this sentence", () => this.save("json", this.record(entry))));
    this.find("view").replaceChildren(texts, ...(sentence.tokens.length ? [strip.root] : []), holder, acts);
    strip.settle();
  }

  cards(sentence, strip) {
    const against = this.find("against").value;
    return sentence.outputs.map((output, at) => {
      const label = this.content.systems[at];
      const other = { reference: sentence.reference, "": null, [at]: null };
      return new Card({
        label, content: this.content, sentence, output, strip,
        choice: this.find("head")?.value ?? "",
        other: against in other ? other[against] : sentence.outputs[Number(against)].text,
        save: (kind, content) => this.save(kind, content, label),
      });
    });
  }

  // The sentences that are listed, as rows of a table.
  table() {
    const { systems, metric } = this.content;
    const heading = ["sentence", "source", "reference", ...systems.flatMap((label) =>
      ["output", metric || "score", "attended", "unattended", "repeated"].map((name) => `${label}: ${name}`))];
    const rows = this.shown.map(({ index, sentence }) => [index + 1, sentence.source, sentence.reference,
      ...sentence.outputs.flatMap((output) => [output.text, output.score, output.support, output.dropped.length,
        repetitions(output.text, sentence.reference).length])]);
    return [heading, ...rows];
  }

  // A sentence with plain weights [output token][source token].
  record({ index, sentence }) {
    const outputs = sentence.outputs.map((output, at) => ({
      system: this.content.systems[at], text: output.text, score: output.score, tokens: output.tokens,
      weights: output.rows.map((row) => {
        const weights = new Array(sentence.tokens.length).fill(0);
        for (const [position, code] of pairs(row)) weights[position] = code / LEVELS;
        return weights;
      }),
    }));
    const { source, reference, question, tokens } = sentence;
    const content = { sentence: index + 1, source, reference, question, tokens, metric: this.content.metric, outputs };
    return new Blob([JSON.stringify(content, null, 1)], { type: "application/json" });
  }

  save(kind, content, label = "") {
    const of = kind === "csv" ? "" : ` ${this.chosen.index + 1} ${label}`;
    const name = `${this.root.id}${of}`.trim().replaceAll(/[^\p{L}\p{N}.=]+/gu, "-").replace(/-$/u, "");
    download(`${name}.${kind}`, content);
  }
}

async function show(root) {
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

async function unpack(packed) {
  const bytes = Uint8Array.from(atob(packed), (character) => character.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
  return new Response(stream).json();
}

// The first at once, the others when they come near.
const explorers = [...document.querySelectorAll(".explorer")];
const watcher = new IntersectionObserver((seen) => {
  for (const { isIntersecting, target } of seen) {
    if (!isIntersecting) continue;
    watcher.unobserve(target);
    show(target);
  }
}, { rootMargin: "600px" });
explorers.forEach((root, index) => (index === 0 ? show(root) : watcher.observe(root)));

document.addEventListener("keydown", (event) => {
  if (event.key !== "/" || event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.target instanceof HTMLElement && event.target.matches("input, select, textarea")) return;
  const near = event.target instanceof Element ? event.target.closest(".explorer") : null;
  const search = (near ?? explorers[0])?.querySelector(".search");
  if (!search) return;
  event.preventDefault();
  search.focus();
});
