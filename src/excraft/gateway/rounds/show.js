// How numbers, tables and pictures look on this page.
import { node } from "/desk/page.js";

const EXT = 10n ** 18n;
const SVG = "http://www.w3.org/2000/svg";
const WIDE = 600, HIGH = 100;

export const card = (title, ...children) => node("div", { class: "card" }, node("h2", {}, title), ...children);
export const soft = (text) => node("p", { class: "soft" }, text);
export const mark = (text, kind = "") => node("span", { class: `mark ${kind}` }, text);
export const percent = (bp) => `${bp / 100} %`;
export const time = (at) => new Date(at * 1000).toLocaleString();

// Units of 10^-18 EXT, with four places, rounded down.
export const ext = (units) => decimal(BigInt(units) / 10n ** 14n, 4);

// Atoms as a decimal number with commas, of at most two places.
export function amount(atoms, decimals) {
  const left = Math.max(0, decimals - 2);
  return decimal(BigInt(atoms) / 10n ** BigInt(left), decimals - left);
}

function decimal(value, places) {
  const scale = 10n ** BigInt(places);
  const whole = (value / scale).toLocaleString("en-US");
  return places ? `${whole}.${String(value % scale).padStart(places, "0")}` : whole;
}

export function facts(pairs) {
  return node("dl", {}, ...pairs.flatMap(([name, value]) => [node("dt", {}, name), node("dd", {}, value)]));
}

// Bars of [title, value as BigInt], the oldest first; titles are shown when pointed at, and read aloud.
export function bars(caption, values) {
  const most = values.reduce((a, [, value]) => (value > a ? value : a), 1n);
  const each = WIDE / Math.max(values.length, 7);
  const drawn = values.map(([title, value], at) => {
    const high = Number((value * 1000n) / most) * HIGH / 1000;
    return shape("g", {}, shape("title", {}, title), shape("rect", {
      x: at * each + each * 0.1, y: HIGH - high, width: each * 0.8, height: Math.max(high, value > 0n ? 1 : 0),
    }));
  });
  const floor = shape("line", { x1: 0, x2: WIDE, y1: HIGH, y2: HIGH });
  return node("figure", {}, node("figcaption", {}, caption), shape("svg", {
    viewBox: `0 0 ${WIDE} ${HIGH + 1}`, preserveAspectRatio: "none", role: "img", "aria-label": caption,
  }, ...drawn, floor));
}

function shape(tag, properties, ...children) {
  const made = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(properties)) made.setAttribute(name, value);
  made.append(...children);
  return made;
}
