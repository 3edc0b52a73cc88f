/** Recall against queries a second as a picture in SVG, the second axis in powers of ten. */
import type { Curve } from "./curve.ts";

const WIDTH = 760;
const HEIGHT = 440;
const FRAME = { left: 64, right: 210, top: 40, bottom: 48 };
const RECALL_MIN = 0.8;
/** Told apart without seeing red and green: Okabe and Ito 2008. */
const COLOURS = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000"];

export function plotCurves(title: string, curves: ReadonlyMap<string, Curve>): string {
  const speeds = [...curves.values()].flat().map(({ perSecond }) => perSecond);
  const lowest = Math.floor(Math.log10(Math.max(1, Math.min(...speeds))));
  const highest = Math.ceil(Math.log10(Math.max(10, ...speeds)));
  const x = (recall: number): number => {
    const share = (Math.max(RECALL_MIN, recall) - RECALL_MIN) / (1 - RECALL_MIN);
    return FRAME.left + share * (WIDTH - FRAME.left - FRAME.right);
  };
  const y = (perSecond: number): number => {
    const share = (Math.log10(Math.max(1, perSecond)) - lowest) / (highest - lowest);
    return HEIGHT - FRAME.bottom - share * (HEIGHT - FRAME.top - FRAME.bottom);
  };
  const parts = [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" font-family="sans-serif" font-size="12">`,
    `<rect width="${WIDTH}" height="${HEIGHT}" fill="#fff"/>`,
    `<text x="${FRAME.left}" y="24" font-size="15">${escapeText(title)}</text>`,
    ...gridOf({ lowest, highest, x, y }),
    ...[...curves].flatMap(([name, curve], i) => {
      const colour = COLOURS[i % COLOURS.length] ?? "#000";
      const at = FRAME.top + 12 + i * 20;
      return [
        ...lineOf(curve, colour, { x, y }),
        `<circle cx="${WIDTH - FRAME.right + 24}" cy="${at - 4}" r="4" fill="${colour}"/>`,
        `<text x="${WIDTH - FRAME.right + 36}" y="${at}">${escapeText(name)}</text>`,
      ];
    }),
    "</svg>",
  ];
  return `${parts.join("\n")}\n`;
}

interface Scale {
  readonly x: (recall: number) => number;
  readonly y: (perSecond: number) => number;
}

function gridOf({
  lowest,
  highest,
  x,
  y,
}: Scale & { readonly lowest: number; readonly highest: number }): string[] {
  const lines: string[] = [];
  const right = WIDTH - FRAME.right;
  for (let power = lowest; power <= highest; power++) {
    const at = y(10 ** power).toFixed(1);
    lines.push(`<path d="M${FRAME.left} ${at}H${right}" stroke="#ddd"/>`);
    const label = (10 ** power).toLocaleString("en-US");
    lines.push(`<text x="${FRAME.left - 8}" y="${at}" dy="4" text-anchor="end">${label}</text>`);
  }
  const foot = HEIGHT - FRAME.bottom;
  for (const recall of [0.8, 0.85, 0.9, 0.95, 0.99, 1]) {
    const at = x(recall).toFixed(1);
    lines.push(`<path d="M${at} ${FRAME.top}V${foot}" stroke="#ddd"/>`);
    lines.push(`<text x="${at}" y="${foot + 18}" text-anchor="middle">${recall}</text>`);
  }
  const middle = (FRAME.left + right) / 2;
  lines.push(`<text x="${middle}" y="${HEIGHT - 10}" text-anchor="middle">recall@10</text>`);
  lines.push(`<text x="${FRAME.left - 8}" y="${FRAME.top - 8}">queries/s, one thread</text>`);
  return lines;
}

function lineOf(curve: Curve, colour: string, { x, y }: Scale): string[] {
  const shown = curve.filter(({ recall }) => recall >= RECALL_MIN);
  const points = shown.map(({ recall, perSecond }) => ({
    at: `${x(recall).toFixed(1)},${y(perSecond).toFixed(1)}`,
    ...{ recall, perSecond },
  }));
  return [
    `<polyline points="${points.map(({ at }) => at).join(" ")}" fill="none" stroke="${colour}" stroke-width="2"/>`,
    ...points.map(({ recall, perSecond }) => {
      const place = `cx="${x(recall).toFixed(1)}" cy="${y(perSecond).toFixed(1)}"`;
      return `<circle ${place} r="3.5" fill="${colour}"/>`;
    }),
  ];
}

function escapeText(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;");
}
