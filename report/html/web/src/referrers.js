// Who refers to the blocks of a site: other sites and roots, by the number of their words.
import { data } from "./data.js";
import { count, many } from "./format.js";
import { more, placeText, short, typeOf } from "./names.js";
import { el } from "./dom.js";

export const rootName = ([kind, text]) => (text.startsWith(kind) ? text : `${kind} ${text}`);

let ofRow = null;
// {words, all, list: [{row, root, words, field}]}; undefined: nothing refers to them, or it is not known.
export function referrersOf(row) {
	const d = data();
	ofRow ??= new Map((d.referrers ?? []).map((r) => [r[0], r]));
	const found = ofRow.get(row);
	if (!found) return undefined;
	const [, words, all, ...list] = found;
	return {
		words,
		all,
		list: list.map(([from, n, field]) => ({
			row: from < 0 ? -1 : from,
			root: from < 0 ? rootName(d.referrer_roots[-1 - from]) : "",
			words: n,
			field: field < 0 ? "" : d.text[field],
		})),
	};
}

// [heading, list], or nothing.
export function referrers(row) {
	if (!data().referrers) return null;
	const found = referrersOf(row);
	if (!found) return [el("h3", {}, "Referred to by"), el("p", { class: "dim" }, "No word in the process refers to its blocks.")];
	const rest = found.all - found.list.length;
	return [
		el("h3", {}, "Referred to by"),
		el(
			"ul",
			{ class: "sites-list referrers" },
			found.list.map((r) =>
				el(
					"li",
					{},
					`${many(r.words, "word")} of `,
					r.row < 0
						? el("b", {}, r.root)
						: [
								el(
									"a",
									{ class: "row-link", href: `#view=sites&row=${r.row}` },
									typeOf(r.row) ? `${short(typeOf(r.row))} · ` : "",
									placeText(r.row),
									more(r.row),
								),
								r.row === row ? " (blocks of this site)" : "",
							],
					r.field ? el("span", { class: "dim" }, ` in ${r.field}`) : null,
				),
			),
			rest ? el("li", { class: "dim" }, `${count(rest)} more`) : null,
		),
	];
}
