"use strict";
// Two systems side by side: each sentence's score under one against that under the other, and the
// n-grams that one of them gets right and the other misses.

const ORDERS = [1, 2, 3, 4];
const LISTED = 12;
const SIDE = 300;
const MARGIN = 34;

// The n-grams of a text, which no sign of punctuation interrupts, with their numbers.
function ngrams(text, lowercase) {
  const found = new Map();
  const runs = wordsOf(text, lowercase).reduce((parts, word) => {
    if (/^[\p{L}\p{M}\p{N}_]/u.test(word.key)) parts.at(-1).push(word.key);
    else parts.push([]);
    return parts;
  }, [[]]);
  for (const words of runs) {
    for (const order of ORDERS) {
      for (let at = 0; at + order <= words.length; at += 1) {
        const ngram = words.slice(at, at + order).join(" ");
        found.set(ngram, (found.get(ngram) ?? 0) + 1);
      }
    }
  }
  return found;
}

// How often `one` has an n-gram of the reference that `other` lacks, and the other way round: by
// n-gram [of one alone, of the other alone]. Each occurrence in a reference counts once.
function matchesOf(sentences, one, other, lowercase) {
  const found = new Map();
  for (const { reference, outputs } of sentences) {
    const [mine, theirs] = [one, other].map((at) => ngrams(outputs[at].text, lowercase));
    for (const [ngram, wanted] of ngrams(reference, lowercase)) {
      const difference = Math.min(mine.get(ngram) ?? 0, wanted) - Math.min(theirs.get(ngram) ?? 0, wanted);
      if (difference === 0) continue;
      const sums = found.get(ngram) ?? [0, 0];
      sums[difference > 0 ? 0 : 1] += Math.abs(difference);
      found.set(ngram, sums);
    }
  }
  return found;
}

// The n-grams with the largest differences, the longest first among equals, and none that is a part
// of one with the same numbers.
function leading(found, sign) {
  const gain = ([, sums]) => sign * (sums[0] - sums[1]);
  const length = ([ngram]) => ngram.split(" ").length;
  const sorted = [...found].filter((entry) => gain(entry) > 0)
    .sort((a, b) => gain(b) - gain(a) || length(b) - length(a) || (a[0] < b[0] ? -1 : 1));
  const kept = [];
  for (const [ngram, sums] of sorted) {
    const inside = kept.some(([longer, same]) =>
      same[0] === sums[0] && same[1] === sums[1] && ` ${longer} `.includes(` ${ngram} `));
    if (!inside) kept.push([ngram, sums]);
    if (kept.length === LISTED) break;
  }
  return kept;
}

class Comparison {
  // `explorer` opens the sentence of an entry, and searches for words.
  constructor(root, explorer) {
    this.explorer = explorer;
    this.content = explorer.content;
    this.find = (name) => root.querySelector(`.${name}`);
    for (const name of ["one", "other"]) {
      this.find(name).addEventListener("change", () => this.refresh());
    }
    root.hidden = false;
    this.refresh();
  }

  refresh() {
    const [one, other] = ["one", "other"].map((name) => Number(this.find(name).value));
    const labels = [one, other].map((at) => this.content.systems[at]);
    this.find("scatter").replaceChildren(...this.scatter(one, other, labels));
    const found = matchesOf(this.content.sentences, one, other, this.content.lowercase);
    this.find("ngrams").replaceChildren(
      this.table(leading(found, 1), labels), this.table(leading(found, -1), [...labels].reverse(), true));
  }

  table(found, [better, worse], reversed = false) {
    const head = [`right in ${better}, missed by ${worse}`, better, worse].map((text) => element("th", { scope: "col" }, text));
    const rows = found.map(([ngram, sums]) => {
      const search = element("button", { type: "button", title: "Search for it" }, ngram);
      search.addEventListener("click", () => this.explorer.search(`"${ngram}"`));
      const numbers = reversed ? [...sums].reverse() : sums;
      return element("tr", {}, element("th", { scope: "row" }, search),
        ...numbers.map((number) => element("td", {}, String(number))));
    });
    if (!rows.length) rows.push(element("tr", {}, element("td", { colspan: 3 }, "none")));
    return element("table", {}, element("thead", {}, element("tr", {}, ...head)), element("tbody", {}, ...rows));
  }

  scatter(one, other, labels) {
    const entries = this.explorer.entries.filter(({ sentence: { outputs } }) =>
      outputs[one].score !== null && outputs[other].score !== null);
    const scores = ({ sentence: { outputs } }) => [outputs[one].score, outputs[other].score];
    const gain = (entry) => scores(entry)[0] - scores(entry)[1];
    entries.sort((a, b) => gain(b) - gain(a) || a.index - b.index);
    const better = entries.filter((entry) => gain(entry) > 0).length;
    const worse = entries.filter((entry) => gain(entry) < 0).length;
    const { metric } = this.content;
    const said = `${metric} is higher for ${labels[0]} in ${better} sentences, for ${labels[1]} in ${worse}, and the same in ${entries.length - better - worse}.`;
    const full = SIDE + 2 * MARGIN;
    const svg = shape("svg", { viewBox: `0 0 ${full} ${full}`, role: "group",
      "aria-label": `${metric} of each sentence: ${labels[1]} across, ${labels[0]} up` });
    this.axes(svg, labels);
    const readout = element("p", { class: "readout", role: "status" }, said);
    const points = entries.map((entry) => this.point(entry, scores(entry), labels, readout));
    svg.append(...points);
    if (points.length) rove(points, points[0]);
    svg.addEventListener("mouseleave", () => { readout.textContent = said; });
    arrowKeys(svg, () => points, "ArrowRight", "ArrowLeft");
    return [svg, readout];
  }

  axes(svg, labels) {
    const end = MARGIN + SIDE;
    svg.append(shape("rect", { class: "frame", x: MARGIN, y: MARGIN, width: SIDE, height: SIDE }),
      shape("line", { class: "even", x1: MARGIN, y1: end, x2: end, y2: MARGIN }));
    for (const tick of [0, 50, 100]) {
      const at = (tick / 100) * SIDE;
      svg.append(shape("text", { x: MARGIN + at, y: end + 14, "text-anchor": "middle" }, tick),
        shape("text", { x: MARGIN - 5, y: end - at + 4, "text-anchor": "end" }, tick));
    }
    svg.append(shape("text", { x: end, y: end + 28, "text-anchor": "end" }, `${labels[1]} →`),
      shape("text", { x: 4, y: MARGIN - 14 }, `↑ ${labels[0]}`));
  }

  point(entry, [mine, theirs], labels, readout) {
    const name = `Sentence ${entry.index + 1}: ${labels[0]} ${mine.toFixed(1)}, ${labels[1]} ${theirs.toFixed(1)}`;
    const made = shape("circle", {
      class: "point", cx: MARGIN + (theirs / 100) * SIDE, cy: MARGIN + SIDE - (mine / 100) * SIDE, r: 3.6,
      role: "button", tabindex: -1, "aria-label": name });
    const tell = () => { readout.textContent = `${name}. ${entry.sentence.source}`; };
    made.addEventListener("mouseenter", tell);
    made.addEventListener("focus", tell);
    made.addEventListener("click", () => this.explorer.go(entry));
    made.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" && event.key !== " ") return;
      event.preventDefault();
      this.explorer.go(entry);
    });
    return made;
  }
}
