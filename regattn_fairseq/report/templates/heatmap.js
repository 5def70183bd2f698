"use strict";
// A heat map of attention: a drawing for the page, and a picture to keep.

const GROUP_COLOURS = 3;
const CELL = 17;

// `shown` is what `view` returns; `point` is told the row that is pointed at, -1 for none.
function heatMap(shown, label, point) {
  const sources = labels(shown.sources);
  const targets = labels(shown.targets);
  const across = sources.length * CELL;
  const down = targets.length * CELL;
  const longest = (texts) => Math.max(...texts.map((text) => shorten(text).length), 1);
  const left = 8 + 6.4 * longest(targets);
  const top = 8 + 5.2 * longest(sources);
  const width = Math.ceil(left + across + 4 + 3.6 * longest(sources));
  const svg = shape("svg", {
    width, height: top + down + 4, role: "img", viewBox: `0 0 ${width} ${top + down + 4}`,
    "aria-label": `Attention of ${label}: ${shown.across.toLowerCase()} across, ${shown.down.toLowerCase()} down`,
  });
  const grid = shape("g", { transform: `translate(${left} ${top})` });
  svg.append(grid);
  sources.forEach((text, at) => grid.append(shape("text", {
    class: shown.dropped.includes(at) ? "dropped" : "",
    transform: `translate(${(at + 0.6) * CELL} -5) rotate(-52)` }, shorten(text))));
  targets.forEach((text, at) => grid.append(shape("text", {
    x: -5, y: (at + 0.7) * CELL, "text-anchor": "end" }, shorten(text))));
  const bands = shown.rows.map((row, at) => {
    for (const [position, code] of pairs(row)) {
      grid.append(shape("rect", {
        class: "weight", x: position * CELL + 1, y: at * CELL + 1, width: CELL - 2, height: CELL - 2,
        rx: 2, "fill-opacity": (0.08 + (0.92 * code) / LEVELS).toFixed(3) }));
    }
    shown.groups[at].forEach((group, number) => outline(grid, at, stretches(group), number));
    const band = shape("rect", { class: "row", x: 0, y: at * CELL, width: across, height: CELL });
    band.addEventListener("mouseenter", () => point(at));
    band.addEventListener("mouseleave", () => point(-1));
    return band;
  });
  grid.append(shape("rect", { class: "frame", width: across, height: down }));
  for (const [source, target, sure] of shown.links) {
    grid.append(shape("circle", {
      class: "link", cx: (source + 0.5) * CELL, cy: (target + 0.5) * CELL, r: 4.2,
      ...(sure ? {} : { "stroke-dasharray": "2 2" }) }));
  }
  grid.append(...bands);
  const root = element("div", { class: "matrix", tabindex: "0", role: "group", "aria-label": `Heat map of ${label}` }, svg);
  root.style.setProperty("--natural", `${width}px`);
  return { root, svg, bands, width };
}

// Frames equal weights of a row; a line joins the parts of a group.
function outline(grid, row, parts, number) {
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

const DRAWN = ["fill", "stroke", "stroke-width", "font-family", "font-size", "text-decoration-line"];

// The drawing as a PNG of three times its size, in the colours that the page has now.
async function picture(svg) {
  const copy = svg.cloneNode(true);
  const parts = [...copy.querySelectorAll("*")];
  [...svg.querySelectorAll("*")].forEach((part, at) => {
    const computed = getComputedStyle(part);
    const style = DRAWN.map((name) => `${name}:${computed.getPropertyValue(name)}`).join(";");
    parts[at].setAttribute("style", style.replaceAll('"', "'"));
  });
  const { width, height } = svg.viewBox.baseVal;
  copy.setAttribute("width", 3 * width);
  copy.setAttribute("height", 3 * height);
  const image = new Image();
  image.src = `data:image/svg+xml,${encodeURIComponent(new XMLSerializer().serializeToString(copy))}`;
  await image.decode();
  const canvas = element("canvas", { width: Math.ceil(3 * width), height: Math.ceil(3 * height) });
  const context = canvas.getContext("2d");
  context.fillStyle = getComputedStyle(svg.closest(".card")).backgroundColor;
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.drawImage(image, 0, 0);
  return new Promise((resolve) => { canvas.toBlob(resolve); });
}
