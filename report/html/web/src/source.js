// The lines of one function or file with what was allocated at each, and in what it called: as pprof -list.
import { data, value } from "./data.js";
import { count, show } from "./format.js";
import { base, named } from "./names.js";
import { el } from "./dom.js";

// Of each line of the file: [bytes that it allocated itself, and with what it called].
function sumLines(d, file, m) {
	const of = new Int32Array(d.line_file.length).fill(-1),
		lines = new Map();
	d.line_file.forEach((f, l) => {
		if (f !== file || !d.line_line[l]) return;
		of[l] = d.line_line[l];
		lines.set(d.line_line[l], [0, 0]);
	});
	for (let r = 0; r < d.kept; r++) {
		const v = value(m.name, r);
		if (!v) continue;
		const seen = new Set(),
			at = named(r);
		if (of[d.node_line[at]] > 0) lines.get(of[d.node_line[at]])[0] += v;
		for (let n = at + 1; n; n = d.node_caller[n - 1]) {
			const number = of[d.node_line[n - 1]];
			if (number > 0 && !seen.has(number)) {
				seen.add(number);
				lines.get(number)[1] += v;
			}
		}
	}
	return lines;
}

const AROUND = 4;
function listing(d, file, wanted, m) {
	const sums = sumLines(d, file, m),
		text = new Map();
	for (const [f, parts] of d.source ?? [])
		if (f === file) for (const [first, ...lines] of parts) lines.forEach((t, i) => text.set(first + i, t));
	const numbers = [...sums.keys()].filter((n) => (!wanted || wanted.has(n)) && (text.has(n) || sums.get(n)[1])),
		shown = new Set();
	for (const n of numbers) for (let k = n - AROUND; k <= n + AROUND; k++) if (text.has(k) || k === n) shown.add(k);
	const sorted = [...shown].sort((a, b) => a - b);
	if (!sorted.length) return null;
	let before = sorted[0] - 1;
	return el(
		"div",
		{ class: "wide scroll", tabindex: 0, role: "region", "aria-label": `lines of ${base(d.text[file])}` },
		el(
			"table",
			{ class: "plain listing", "data-file": d.text[file] },
			el(
				"thead",
				{},
				el("tr", {}, el("th", { class: "number" }, "here"), el("th", { class: "number" }, "with calls"), el("th", { class: "number" }, "line"), el("th", {}, base(d.text[file]))),
			),
			el(
				"tbody",
				{},
				sorted.map((n) => {
					const [self, all] = sums.get(n) ?? [0, 0],
						gap = n !== before + 1;
					before = n;
					return el(
						"tr",
						{ class: [gap ? "gap" : "", all ? "hot" : ""].join(" "), "data-line": n, "data-self": self, "data-all": all },
						el("td", { class: "number" }, self ? show(m, self) : ""),
						el("td", { class: "number" }, all ? show(m, all) : ""),
						el("td", { class: "number dim" }, String(n)),
						el("td", {}, el("code", {}, text.get(n) ?? "")),
					);
				}),
			),
		),
	);
}

const MOST_FILES = 5;
// by: "function", "file" or "line".
export function sourceOf(by, key, m) {
	const d = data(),
		files = new Map();
	d.line_function.forEach((f, l) => {
		const file = d.line_file[l];
		if (!d.text[file] || !d.line_line[l]) return;
		const mine =
			by === "function" ? d.text[f] === key : by === "file" ? d.text[file] === key : `${d.text[file]}:${d.line_line[l]}` === key;
		if (mine) files.set(file, (files.get(file) ?? new Set()).add(d.line_line[l]));
	});
	if (!files.size) return null;
	const lists = [...files].slice(0, MOST_FILES).map(([file, lines]) => listing(d, file, by === "file" ? null : lines, m));
	return el(
		"section",
		{ class: "source" },
		el("h3", {}, `Line by line (${m.label})`),
		lists,
		files.size > MOST_FILES ? el("p", { class: "dim" }, `${count(files.size - MOST_FILES)} more files have it.`) : null,
		d.source?.length
			? null
			: el(
					"p",
					{ class: "dim" },
					d.with_source ? "No file of it could be read when the report was made (--source-root DIR helps)." : "tidemark html --with-source puts the text of these lines into the report.",
				),
	);
}
