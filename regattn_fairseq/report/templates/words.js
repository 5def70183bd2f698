"use strict";
// Tokens and words: how they are written, and in what two texts differ.

const LEVELS = 255;

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

function signed(value) {
  const size = Math.abs(value).toFixed(1);
  return `${value < 0 && Number(size) ? "−" : "+"}${size}`;
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

// Words and signs of a text, each with its place.
function wordsOf(text, lowercase) {
  return [...text.matchAll(/[\p{L}\p{M}\p{N}_]+|[^\s\p{L}\p{M}\p{N}_]/gu)].map((match) => ({
    text: match[0], key: lowercase ? match[0].toLowerCase() : match[0],
    start: match.index, end: match.index + match[0].length,
  }));
}

// Which words of two lists are the same ones, in order: [index, index] of a longest common
// subsequence.
function common(mine, theirs) {
  const width = theirs.length + 1;
  const best = new Uint16Array((mine.length + 1) * width);
  for (let i = mine.length - 1; i >= 0; i -= 1) {
    for (let j = theirs.length - 1; j >= 0; j -= 1) {
      best[i * width + j] = mine[i].key === theirs[j].key
        ? best[(i + 1) * width + j + 1] + 1
        : Math.max(best[(i + 1) * width + j], best[i * width + j + 1]);
    }
  }
  const found = [];
  for (let i = 0, j = 0; i < mine.length && j < theirs.length;) {
    if (mine[i].key === theirs[j].key) found.push([i++, j++]);
    else if (best[(i + 1) * width + j] >= best[i * width + j + 1]) i += 1;
    else j += 1;
  }
  return found;
}

// Where an output says a word more often than the reference, and more than once: [start, end] of
// each such word. Words are what spaces separate, as for the figure "repeated words".
function repetitions(output, reference) {
  const left = new Map();
  for (const word of reference.toLowerCase().split(/\s+/u)) left.set(word, (left.get(word) ?? 0) + 1);
  const found = [];
  for (const match of output.matchAll(/\S+/gu)) {
    const word = match[0].toLowerCase();
    const rest = left.get(word) ?? 1;
    if (rest === 0) found.push([match.index, match.index + match[0].length]);
    else left.set(word, rest - 1);
  }
  return found;
}

// The output with its words marked: <ins> is not in the other text, <del> is in the other alone,
// and <mark> is said again.
function markedText(output, other, reference, lowercase) {
  const mine = wordsOf(output, lowercase);
  const theirs = other === null ? mine : wordsOf(other, lowercase);
  const matches = other === null ? mine.map((_, at) => [at, at]) : common(mine, theirs);
  const again = repetitions(output, reference);
  const made = [];
  let at = 0;
  const missing = (from, to) => {
    if (from === to) return;
    made.push(element("del", {}, other.slice(theirs[from].start, theirs[to - 1].end)), " ");
  };
  const write = (word, tag) => {
    made.push(output.slice(at, word.start));
    const part = tag ? element(tag, {}, word.text) : word.text;
    const repeated = again.some(([start, end]) => start <= word.start && word.end <= end);
    made.push(repeated ? element("mark", { title: "said again" }, part) : part);
    at = word.end;
  };
  let [i, j] = [0, 0];
  for (const [mineAt, theirsAt] of [...matches, [mine.length, theirs.length]]) {
    for (; i < mineAt; i += 1) write(mine[i], "ins");
    if (theirsAt > j && made.length) made.push(" ");
    missing(j, theirsAt);
    if (i < mine.length) write(mine[i], null);
    [i, j] = [mineAt + 1, theirsAt + 1];
  }
  made.push(output.slice(at));
  return made;
}
