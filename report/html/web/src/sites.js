// Sites, differences, and the stack that is shown beneath a row.
import { data, favourite, known, measures, value } from "./data.js";
import { bytes, count, many, show, signed } from "./format.js";
import { base, caller, line, place, placeText, short, stack, typeOf, where } from "./names.js";
import { matchedRows } from "./match.js";
import { el, keep, state } from "./dom.js";
import { table } from "./table.js";

export function stackList(row) {
	const d = data(),
		skip = d.row_skip[row];
	return el(
		"ol",
		{ class: "stack" },
		stack(row).map((n, i) => {
			const l = line(d.node_line[n]);
			return el(
				"li",
				{ class: i < skip ? "dim" : null },
				el("b", {}, l.function),
				l.flags & 1 ? el("i", {}, " inlined") : null,
				el(
					"span",
					{ class: "dim" },
					l.file ? ` ${l.file}:${l.line}` : "",
					l.module
						? el("span", { title: l.module }, ` [${base(l.module)}]`)
						: "",
				),
			);
		}),
	);
}
// A way to a site from anywhere.
export const rowLink = (row, text) =>
	el("a", { href: `#view=sites&row=${row}`, class: "row-link" }, text ?? placeText(row));
// As much of the way up as tells sites of one function apart.
function callers(row) {
	const d = data(),
		up = stack(row);
	const names = up.slice(up.indexOf(caller(row)) + 1).map((n) => short(line(d.node_line[n]).function)),
		main = names.indexOf("main");
	return names
		.slice(0, main < 0 ? 5 : Math.min(5, main + 1))
		.map((f) => ` ← ${f}`)
		.join("");
}
const number = (m, all) => ({
	share: (r) => value(m.name, r) / all,
	name: m.name,
	label: m.label,
	class: "number",
	text: (r) => (value(m.name, r) ? show(m, value(m.name, r)) : el("span", { class: "dim" }, "–")),
	sort: (r) => value(m.name, r),
	title: m.name,
});
// The rows whose stacks a search finds, as in the flame graph.
const searchStacks = (of) => (match) => {
	const hit = matchedRows(match);
	return (r) => hit[of(r)];
};
export const placeColumn = (of = (r) => r) => ({
	name: "place",
	label: "allocated by",
	width: "minmax(12em,1fr)",
	class: "place",
	text: (r) => {
		const l = place(of(r));
		return el(
			"span",
			{ title: `${l.function} ${l.file ? `${l.file}:${l.line}` : l.module}` },
			el("b", {}, short(l.function)),
			" ",
			typeOf(of(r)) ? [el("span", { class: "type" }, short(typeOf(of(r)))), " "] : null,
			el("span", { class: "dim" }, where(l), callers(of(r))),
		);
	},
	sort: (r) => placeText(of(r)),
});

// The largest value: what a full bar stands for.
const top = (name) => (data()[name] ?? []).reduce((a, b) => (b > a ? b : a), 0);

export function sites() {
	const all = Array.from({ length: data().kept }, (_, i) => i);
	return table({
		rows: () => all,
		sort: favourite(),
		key: String,
		search: searchStacks((r) => r),
		columns: [
			...measures.filter((m) => known(m.name)).map((m) => number(m, top(m.name) || 1)),
			placeColumn(),
		],
		said: (rows) => {
			let live = 0;
			for (const r of rows) live += value("live_bytes", r);
			return `${count(rows.length)} of ${count(all.length)} sites, ${bytes(live)} live`;
		},
		detail: (r) => el("section", {}, el("h3", {}, `Site #${data().row_site[r]}`), stackList(r)),
	});
}

export function differences() {
	const d = data().diff;
	if (!d)
		return el(
			"p",
			{ class: "empty" },
			"One snapshot only. With an older one (tidemark html NEW OLD) its differences are here.",
		);
	const off = new Set((state.get("hide") ?? "same").split(",").filter(Boolean));
	const of = (kind) => d.rows.filter((r) => d.kinds[r[0]] === kind).length;
	const boxes = d.kinds.map((k) =>
		el(
			"label",
			{ class: `kind ${k} ${of(k) ? "" : "dim"}` },
			el("input", {
				type: "checkbox",
				checked: !off.has(k),
				"data-kind": k,
				onchange: (e) => {
					if (e.target.checked) off.delete(k);
					else off.add(k);
					keep("hide", off.size ? [...off].join(",") : "none");
					list.refresh();
				},
			}),
			` ${count(of(k))} ${k}`,
		),
	);
	const most = (get) => d.rows.reduce((a, r) => Math.max(a, Math.abs(get(r))), 1);
	const f = (name, label, get, format, extra) => {
		const all = most(get);
		return {
			name,
			label,
			class: `number ${extra ?? ""}`,
			text: (r) => format(get(r)),
			sort: get,
			share: (r) => Math.abs(get(r)) / all,
		};
	};
	const list = table({
		rows: () => d.rows.filter((r) => !off.has(d.kinds[r[0]])),
		sort: "size_diff",
		key: (r) => `${d.kinds[r[0]]}${r[1]}`,
		search: searchStacks((r) => r[1]),
		class: (r) => d.kinds[r[0]],
		empty: "no differences of these kinds",
		columns: [
			{
				name: "kind",
				label: "",
				width: "6em",
				text: (r) => el("span", { class: `tag ${d.kinds[r[0]]}` }, d.kinds[r[0]]),
				sort: (r) => d.kinds[r[0]],
			},
			f("old_size", "before", (r) => r[2], bytes),
			f("size", "size", (r) => r[4], bytes),
			{
				...f(
					"size_diff",
					"change",
					(r) => r[4] - r[2],
					(n) => signed(bytes, n),
					"change",
				),
				sort: (r) => Math.abs(r[4] - r[2]),
			},
			f("count", "blocks", (r) => r[5], count),
			{
				...f(
					"count_diff",
					"change",
					(r) => r[5] - r[3],
					(n) => signed(count, n),
					"change",
				),
				sort: (r) => Math.abs(r[5] - r[3]),
			},
			placeColumn((r) => r[1]),
		],
		detail: (r) =>
			el(
				"section",
				{},
				el(
					"h3",
					{},
					`${d.kinds[r[0]]}: ${bytes(r[2])} in ${many(r[3], "block")} → ${bytes(r[4])} in ${many(r[5], "block")}`,
				),
				stackList(r[1]),
			),
	});
	let before = 0,
		after = 0;
	for (const r of d.rows) {
		before += r[2];
		after += r[4];
	}
	list.prepend(
		el(
			"p",
			{ class: "lead", "data-before": before, "data-after": after },
			`Live: ${bytes(before)} before, ${bytes(after)} now (${signed(bytes, after - before)}). `,
			d.rebuilt
				? el(
						"span",
						{ class: "dim" },
						"The programs were rebuilt between the snapshots: sites are matched by names.",
					)
				: null,
		),
		el("div", { class: "kinds" }, boxes),
	);
	return list;
}
