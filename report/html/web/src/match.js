// What a search means, the same in every view: each word, or /regular expression/, occurs in the function, the
// file, the module or the place (file:line) of a line of code; a site matches by any line of its stack.
import { data } from "./data.js";
import { line } from "./names.js";

// null: nothing is searched. A broken expression matches nothing and says why.
export function matcher(text) {
	text = text.trim();
	if (!text) return null;
	const expression = /^\/(.*)\/$/.exec(text);
	if (!expression) {
		const words = text.toLowerCase().split(/\s+/);
		return {
			test: (t) => {
				t = t.toLowerCase();
				return words.every((w) => t.includes(w));
			},
		};
	}
	try {
		const r = new RegExp(expression[1], "i");
		return { test: (t) => r.test(t) };
	} catch (e) {
		return { test: () => false, broken: e.message };
	}
}

const textOf = (n) => {
	const l = line(n);
	return `${l.function}\n${l.file}${l.line ? `:${l.line}` : ""}\n${l.module}`;
};

// One byte per line of code: 1 where all of the search is in it.
export function matchedLines(match) {
	const d = data(),
		hit = new Uint8Array(d.line_function.length);
	for (let n = 0; n < hit.length; n++) hit[n] = +match.test(textOf(n));
	return hit;
}

// For tables of other things than sites: the rows whose text matches.
export const searchTexts = (text) => (match) => (row) => match.test(text(row));

// One byte per row: 1 where a line of its stack matches. A node's caller has the smaller number.
export function matchedRows(match) {
	const d = data(),
		hit = matchedLines(match),
		on = new Uint8Array(d.node_line.length);
	for (let n = 0; n < on.length; n++)
		on[n] = hit[d.node_line[n]] | (d.node_caller[n] ? on[d.node_caller[n] - 1] : 0);
	return Uint8Array.from(d.row_node, (n) => on[n]);
}
