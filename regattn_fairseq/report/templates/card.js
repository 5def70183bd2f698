"use strict";
// What one system made of a sentence, and the source that all systems share.

// What a card shows: the rows of a head, of the mean of heads, or of the attention to the reference,
// and the tokens on both sides.
function view(sentence, output, choice) {
  const plain = {
    across: "Source", down: "Output", sources: sentence.tokens, targets: output.tokens,
    rows: output.rows, groups: output.groups, dropped: output.dropped, links: [], missing: false,
  };
  if (choice === "") return plain;
  if (choice === "reference") {
    const { reference } = output;
    if (!reference) return { ...plain, missing: true };
    return { ...plain, ...reference, down: "Reference", targets: reference.tokens, links: sentence.links };
  }
  const [kind, layer, number] = choice.split(" ");
  const rows = output.heads?.[kind]?.[layer]?.[number];
  if (!rows) return { ...plain, missing: true };
  const head = { ...plain, rows, groups: rows.map(() => []), dropped: [] };
  if (kind === "encoder_self_attn") return { ...head, down: "Source", targets: sentence.tokens };
  if (kind === "decoder_self_attn") return { ...head, across: "Output", sources: output.tokens };
  return head;
}

// A line of tokens that are attended to, and a readout of the weights below it. Cards share it.
class Strip {
  constructor(title, tokens) {
    const marked = tokens.some((token) => token.startsWith("▁"));
    const joined = tokens.map((token, at) => marked && at > 0 && /^[\p{L}\p{N}]/u.test(token));
    this.labels = labels(tokens);
    this.spans = tokens.map((token, at) => element("span", {
      class: ["token", joined[at] ? "joins" : "", joined[at + 1] ? "joined" : ""].join(" ").trim(),
      dir: "auto" }, marked ? token.replace(/^▁/u, "") || "▁" : token || "▁"));
    this.readout = element("p", { class: "readout", role: "status" });
    this.pinned = null;
    this.root = element("div", { class: "strip" },
      element("p", { class: "side" }, title),
      element("div", { class: "tokens source", role: "group", "aria-label": `${title} tokens` }, ...this.spans),
      this.readout);
    this.restore();
  }

  // Once it is in the page: if its tokens scroll, the keyboard can scroll them too.
  settle() {
    const tokens = this.root.querySelector(".tokens");
    if (tokens.scrollHeight > tokens.clientHeight) tokens.tabIndex = 0;
  }

  restore() {
    if (this.pinned) this.show(this.pinned.card, this.pinned.index);
    else this.show(null, -1);
  }

  show(card, index) {
    for (const span of this.spans) {
      span.classList.remove("lit", "in-group", "begins", "ends");
      span.removeAttribute("style");
      span.removeAttribute("title");
    }
    this.readout.textContent = "Point at a token of an output, or choose it by arrow keys, to see what it attends to.";
    if (!card) return;
    const codes = new Map(pairs(card.shown.rows[index]));
    const groups = card.shown.groups[index];
    for (const [position, code] of codes) {
      this.spans[position].classList.add("lit");
      this.spans[position].style.setProperty("--weight", code / LEVELS);
      this.spans[position].title = percent(code);
    }
    groups.forEach((group, number) => this.frame(stretches(group), number));
    this.readout.textContent = `${card.label}, ${card.targets[index]}: ${this.said(codes, groups)}`;
  }

  frame(parts, number) {
    for (const [first, last] of parts) {
      for (let at = first; at <= last; at += 1) {
        this.spans[at].classList.add("in-group");
        this.spans[at].style.setProperty("--group", `var(--group-${number % GROUP_COLOURS})`);
      }
      this.spans[first].classList.add("begins");
      this.spans[last].classList.add("ends");
    }
  }

  said(codes, groups) {
    const grouped = new Set(groups.flat());
    const parts = groups.map((group) =>
      [codes.get(group[0]), `${group.map((at) => this.labels[at]).join(" + ")} ${percent(codes.get(group[0]))} each`]);
    for (const [position, code] of codes) {
      if (!grouped.has(position)) parts.push([code, `${this.labels[position]} ${percent(code)}`]);
    }
    parts.sort((one, other) => other[0] - one[0]);
    const shown = parts.slice(0, 6).map((part) => part[1]);
    if (parts.length > 6) shown.push(`${parts.length - 6} more`);
    return shown.join(", ") || "nothing";
  }
}

class Card {
  // `other` is the text that the output is compared with; null for none.
  constructor({ label, content, sentence, output, choice, other, strip, save }) {
    this.label = label;
    this.shown = view(sentence, output, choice);
    this.targets = labels(this.shown.targets);
    this.root = element("article", { class: "card", "aria-label": label },
      element("h4", {}, label, element("span", {}, this.facts(content.metric, output, choice))),
      element("p", { class: "output", dir: "auto" },
        ...markedText(output.text, other, sentence.reference, content.lowercase)));
    const again = repetitions(output.text, sentence.reference).map(([start, end]) => output.text.slice(start, end));
    if (again.length) this.note("Repeated", again.join(" "));
    if (this.targets.length === 0) {
      this.note("", "Its attention is not shown: it is not in an exported run, or its source tokens are others.");
      return;
    }
    if (this.shown.dropped.length) {
      const all = labels(this.shown.sources);
      this.note("Unattended", this.shown.dropped.map((at) => all[at]).join(" "));
    }
    if (this.shown.missing) {
      this.note("", "This attention is not kept for this sentence: that to the output is shown.");
    }
    this.strip = this.shown.sources === sentence.tokens ? strip : new Strip(this.shown.across, this.shown.sources);
    if (this.strip !== strip) this.root.append(this.strip.root);
    this.addTokens();
    const map = heatMap(this.shown, label, (at) => (at < 0 ? this.leave() : this.show(at)));
    this.bands = map.bands;
    this.width = map.width;
    this.root.append(map.root, button("PNG", `The heat map of ${label} as a picture`,
      async () => save("png", await picture(map.svg))));
  }

  facts(metric, output, choice) {
    const facts = [];
    if (output.score !== null) facts.push(`${metric} ${output.score.toFixed(1)}`);
    const { rows, missing, sources } = this.shown;
    const support = choice && !missing
      ? rows.reduce((sum, row) => sum + row.length / 2, 0) / Math.max(rows.length, 1)
      : output.support;
    facts.push(`${support.toFixed(1)} of ${sources.length} attended`);
    return facts.join(" · ");
  }

  note(title, text) {
    this.root.append(element("p", { class: "side" }, ...(title ? [element("b", {}, `${title}: `)] : []), text));
  }

  addTokens() {
    this.buttons = this.targets.map((text) =>
      element("button", { type: "button", class: "token", dir: "auto", "aria-pressed": "false" }, text));
    const written = element("div", { class: "tokens target", role: "group", "aria-label": `${this.shown.down} tokens` },
      ...this.buttons);
    this.root.append(element("p", { class: "side" }, this.shown.down), written);
    rove(this.buttons, this.buttons[0]);
    arrowKeys(written, () => this.buttons, "ArrowRight", "ArrowLeft");
    this.buttons.forEach((one, index) => {
      one.addEventListener("mouseenter", () => this.show(index));
      one.addEventListener("mouseleave", () => this.leave());
      one.addEventListener("focus", () => { rove(this.buttons, one); this.show(index); });
      one.addEventListener("blur", () => this.leave());
      one.addEventListener("click", () => this.pin(index));
    });
  }

  pin(index) {
    const { pinned } = this.strip;
    const same = pinned?.card === this && pinned.index === index;
    this.strip.pinned = same ? null : { card: this, index };
    pinned?.card.mark();
    this.mark();
    this.show(index);
  }

  // Marks what is pinned here, and the token that is pointed at.
  mark(pointed = -1) {
    const { pinned } = this.strip;
    const kept = pinned?.card === this ? pinned.index : -1;
    this.buttons.forEach((one, at) => {
      one.setAttribute("aria-pressed", String(at === kept));
      one.classList.toggle("chosen", at === (pointed < 0 ? kept : pointed));
    });
    this.bands.forEach((band, at) => band.classList.toggle("chosen", at === (pointed < 0 ? kept : pointed)));
  }

  show(index) {
    this.mark(index);
    this.strip.show(this, index);
  }

  leave() {
    this.mark();
    this.strip.restore();
  }
}
