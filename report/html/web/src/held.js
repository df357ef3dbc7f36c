// Who held memory, and when: at the peak and at the snapshot; at older snapshots of the process where the report has
// them; else, of what still lives, at marks.
import { data, head, value } from "./data.js";
import { bytes, duration, many, share } from "./format.js";
import { dark } from "./dom.js";
import { searchTexts } from "./match.js";
import { more, place, short, where } from "./names.js";
import { markName } from "./periods.js";
import { placeColumn, stackList } from "./sites.js";
import { table } from "./table.js";

const SERIES = 8; // sites with a colour of their own
// Okabe and Ito's colours, which people with any kind of colour vision can distinguish, and grey for the others.
const COLOURS = ["#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00", "#b3a800", "#7a5cc0"];
const others = () => (dark() ? "#555b63" : "#b9c0c7");

const peakTime = () => data().info.snapshot.peak_elapsed_ns;

// --- moments: { kind: "peak" | "end" | "snapshot" | "mark", ... } ---------------------

// What there is a button for.
export const moments = () => [...(data().peak_bytes ? [["peak", "at the peak"]] : []), ["end", "at the snapshot"]];

export function momentAt(ns) {
	const d = data(),
		near = head.elapsed_ns / 100;
	if (d.peak_bytes && peakTime() && Math.abs(ns - peakTime()) <= near) return { kind: "peak" };
	if (ns >= head.elapsed_ns - near) return { kind: "end" };
	if (d.history) {
		const times = d.history.elapsed_ns,
			k = times.reduce((best, t, i) => (Math.abs(t - ns) < Math.abs(times[best] - ns) ? i : best), 0);
		return k === times.length - 1 ? { kind: "end" } : { kind: "snapshot", k };
	}
	if (!d.thread_row) return { kind: "end" };
	return markMoment(ns);
}
export function markMoment(ns) {
	const { marks } = data().info;
	let k = 0;
	while (k < marks.length && marks[k].elapsed_ns <= ns) k++;
	return { kind: "mark", ns, periods: k };
}

// [row, bytes].
function holders(what) {
	const d = data(),
		sums = new Map();
	if (what.kind === "snapshot")
		d.history.rows.forEach((r, i) => {
			const n = d.history.bytes[i][what.k];
			if (n > 0) sums.set(r, n);
		});
	else if (what.kind === "mark")
		d.thread_row.forEach((r, i) => {
			if (d.thread_period[i] < what.periods) sums.set(r, (sums.get(r) ?? 0) + d.thread_bytes[i]);
		});
	else
		for (let r = 0; r < d.kept; r++) {
			const v = value(what.kind === "peak" ? "peak_bytes" : "live_bytes", r);
			if (v > 0) sums.set(r, v);
		}
	return [...sums];
}

export function whoHeld(what) {
	const d = data();
	if (what.kind === "peak") return `At the peak, after ${duration(peakTime())}, ${bytes(head.process_peak_bytes)} were live. These sites held them:`;
	if (what.kind === "end") return `At the snapshot, after ${duration(head.elapsed_ns)}, ${bytes(head.totals.live_bytes)} were live. These sites held them:`;
	if (what.kind === "snapshot") {
		const rest = d.history.rest_bytes[what.k];
		return `At the snapshot after ${duration(d.history.elapsed_ns[what.k])}, ${bytes(d.history.live_bytes[what.k])} were live. These sites held ${rest ? `all but ${bytes(rest)} of ${many(d.history.rest_sites, "smaller site")}` : "them"}:`;
	}
	return `After ${duration(what.ns)}: of what was live then, the snapshot knows the blocks that still lived at its end and were born before ${what.periods ? `the mark "${markName(what.periods - 1)}"` : "the first mark"}. These sites made them:`;
}

export function holdersTable(what) {
	const rows = holders(what),
		all = rows.reduce((a, r) => a + r[1], 0),
		most = rows.reduce((a, r) => Math.max(a, r[1]), 1);
	return table({
		id: "held",
		rows: () => rows,
		sort: "bytes",
		key: (r) => String(r[0]),
		search: searchTexts((r) => placeColumn().sort(r[0])),
		empty: what.kind === "mark" ? "Nothing that is still alive was born before this moment." : "Nothing was live at this moment.",
		said: (l) => `${many(l.length, "site")}, ${bytes(all)}`,
		columns: [
			{ name: "bytes", label: "bytes", class: "number", text: (r) => bytes(r[1]), sort: (r) => r[1], share: (r) => r[1] / most },
			{ name: "share", label: "share", class: "number", text: (r) => share(r[1], all), sort: (r) => r[1] },
			placeColumn((r) => r[0]),
		],
		detail: (r) => stackList(r[0]),
	});
}

// --- live bytes by site over time ------------------------------------------------------

// Layers for a stacked plot: those that held most lie at the bottom. `top` is the sum up to and with a layer.
export function historyLayers() {
	const h = data().history,
		names = h.rows.slice(0, SERIES).map((r) => `${short(place(r).function)} ${where(place(r))}`),
		alike = (i) => names.indexOf(names[i]) !== names.lastIndexOf(names[i]),
		layers = names.map((name, i) => ({ label: alike(i) ? name + (more(h.rows[i]) || ` #${data().row_site[h.rows[i]]}`) : name, colour: COLOURS[i], bytes: h.bytes[i] })),
		rest = h.rest_bytes.map((n, k) => h.bytes.slice(SERIES).reduce((a, b) => a + b[k], n)),
		sites = h.rest_sites + Math.max(0, h.rows.length - SERIES);
	if (sites) layers.push({ label: many(sites, "other site"), colour: others(), bytes: rest });
	let sum = h.live_bytes.map(() => 0);
	for (const l of layers) {
		sum = sum.map((n, k) => n + l.bytes[k]);
		l.top = sum;
	}
	return layers;
}
