// Sites, differences, and the stack that is shown beneath a row.
import { data, favourite, head, known, measures, value } from "./data.js";
import { bytes, count, many, show, signed } from "./format.js";
import { base, caller, line, more, named, place, placeText, short, stack, typeOf, where } from "./names.js";
import { matchedRows } from "./match.js";
import { el, keep, state } from "./dom.js";
import { referrers } from "./referrers.js";
import { command } from "./command.js";
import { table } from "./table.js";
import { chosenGroups, chosenLabel, chosenRows, grouped, groupings, groupLabel, sizeOf } from "./groups.js";
import { sourceOf } from "./source.js";

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
// Code without names that was passed over.
function unnamed(row) {
	const d = data(),
		l = line(d.node_line[caller(row)]);
	return named(row) !== caller(row) && l.flags & 4 ? ` in ${base(l.module) || "unnamed code"}` : "";
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
	width: "minmax(20em,1fr)",
	class: "place",
	text: (r) => {
		const l = place(of(r));
		return el(
			"span",
			{ title: `${l.function} ${l.file ? `${l.file}:${l.line}` : l.module}` },
			el("b", {}, short(l.function)),
			" ",
			typeOf(of(r)) ? [el("span", { class: "type" }, short(typeOf(of(r)))), " "] : null,
			el("span", { class: "dim" }, where(l), unnamed(of(r)), more(of(r))),
		);
	},
	sort: (r) => placeText(of(r)),
});

// The largest value: what a full bar stands for.
const top = (name) => (data()[name] ?? []).reduce((a, b) => (b > a ? b : a), 0);

// What the rows are, and which of them: both are in the address.
function siteTools() {
	const by = state.get("by") ?? "";
	const pick = el(
		"select",
		{
			"aria-label": "group by",
			onchange: () => {
				keep("by", pick.value);
				for (const k of ["row", "sort", "order"]) keep(k, null);
				dispatchEvent(new HashChangeEvent("hashchange"));
			},
		},
		groupings().map(([name, label]) => el("option", { value: name, selected: name === by }, label)),
	);
	const chosen = [...chosenGroups(), ...(sizeOf() === null ? [] : [["size", state.get("size")]])];
	return [
		el("label", {}, "group by ", pick),
		el(
			"span",
			{ class: "chips" },
			chosen.map(([name, v]) =>
				el(
					"button",
					{
						title: "show all again",
						onclick: () => {
							keep(name, null);
							dispatchEvent(new HashChangeEvent("hashchange"));
						},
					},
					`${chosenLabel(name, v)} ✕`,
				),
			),
		),
	];
}

export function sites() {
	const counts = chosenRows();
	const all = Array.from({ length: data().kept }, (_, i) => i).filter(counts);
	const by = state.get("by"),
		list = by ? groupTable(by, all) : siteTable(all);
	list.tools.prepend(...siteTools());
	return list;
}

function groupTable(by, all) {
	const shown = measures.filter((m) => known(m.name)),
		groups = grouped(by, all, shown);
	// Of threads only the blocks are known.
	const columns = by === "thread" ? shown.filter((m) => /^live/.test(m.name)) : shown;
	const most = (m) => groups.reduce((a, g) => Math.max(a, g[m.name]), 1);
	return table({
		rows: () => groups,
		sort: by === "thread" ? "live_bytes" : favourite(),
		key: (g) => g.key,
		search: (match) => {
			const hit = matchedRows(match);
			return (g) => match.test(g.key) || g.rows.some((r) => hit[r]);
		},
		empty: "no sites",
		columns: [
			...columns.map((m) => {
				const top = most(m);
				return {
					name: m.name,
					label: m.label,
					class: "number",
					text: (g) => (g[m.name] ? show(m, g[m.name]) : el("span", { class: "dim" }, "–")),
					sort: (g) => g[m.name],
					share: (g) => g[m.name] / top,
				};
			}),
			{ name: "sites", label: "sites", class: "number", text: (g) => count(g.rows.length), sort: (g) => g.rows.length },
			{
				name: "key",
				label: by,
				width: "minmax(12em,1fr)",
				class: "place",
				text: (g) => el("span", { title: g.key }, el("b", {}, groupLabel(by, g.key))),
				sort: (g) => g.key,
			},
		],
		said: (rows) => `${many(rows.length, by)} of ${many(all.length, "site")}`,
		detail: (g) => {
			const m = shown.find((x) => x.name === (state.get("sort") ?? "")) ?? shown.find((x) => x.name === favourite()) ?? shown[0],
				some = [...g.rows].sort((a, b) => value(m.name, b) - value(m.name, a)).slice(0, 15);
			return el(
				"section",
				{},
				el("h2", {}, groupLabel(by, g.key)),
				el("p", {}, el("a", { class: "row-link", href: `#${new URLSearchParams({ view: "sites", [by]: g.key })}` }, `All ${many(g.rows.length, "site")} of this ${by}`)),
				el("ul", { class: "sites-list" }, some.map((r) => el("li", {}, `${show(m, value(m.name, r))}  `, rowLink(r)))),
				["function", "file", "line"].includes(by) ? sourceOf(by, g.key, m) : null,
			);
		},
	});
}

function siteTable(all) {
	return table({
		rows: () => all,
		sort: favourite(),
		key: String,
		search: searchStacks((r) => r),
		columns: [
			...measures.filter((m) => known(m.name)).map((m) => number(m, top(m.name) || 1)),
			placeColumn(),
		],
		empty: sizeOf() === null ? null : "No site has live blocks of this size.",
		said: (rows) => {
			let live = 0;
			for (const r of rows) live += value("live_bytes", r);
			return `${count(rows.length)} of ${count(all.length)} sites, ${bytes(live)} live`;
		},
		detail: siteDetail,
	});
}

function siteDetail(r) {
	const d = data(),
		l = place(r),
		site = d.row_site[r];
	return el(
		"section",
		{},
		el("h2", {}, `Site ${site}`),
		typeOf(r) ? el("p", {}, "Most of its bytes are of type ", el("span", { class: "type" }, typeOf(r)), ".") : null,
		stackList(r),
		referrers(r),
		head.leaks.known ? command("Each block with its referrers, and the path from a root", "refs", site) : null,
		l.file ? sourceOf("function", l.function, measures.find((m) => m.name === favourite())) : null,
	);
}

export function differences() {
	const all = data().diff;
	if (!all)
		return el(
			"p",
			{ class: "empty" },
			"One snapshot only. With an older one (tidemark html NEW OLD) its differences are here.",
		);
	const choices = measures.filter((m) => m.name === "live_bytes" || all.by[m.name]),
		measure = choices.find((m) => m.name === state.get("measure")) ?? choices[0],
		d = { ...all, rows: measure.name === "live_bytes" ? all.rows : all.by[measure.name] },
		sized = measure.bytes;
	const pick = el(
		"label",
		{},
		"measure ",
		el(
			"select",
			{
				"aria-label": "measure",
				onchange: (e) => {
					keep("measure", e.target.value);
					for (const k of ["row", "sort"]) keep(k, null);
					dispatchEvent(new HashChangeEvent("hashchange"));
				},
			},
			choices.map((m) => el("option", { value: m.name, selected: m === measure }, m.label)),
		),
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
		sort: sized ? "size_diff" : "count_diff",
		key: (r) => `${d.kinds[r[0]]}${r[1]}`,
		search: searchStacks((r) => r[1]),
		class: (r) => d.kinds[r[0]],
		empty: "There are no differences of these kinds.",
		columns: [
			{
				name: "kind",
				label: "kind",
				width: "6em",
				text: (r) => el("span", { class: `tag ${d.kinds[r[0]]}` }, d.kinds[r[0]]),
				sort: (r) => d.kinds[r[0]],
			},
			...(sized ? [f("old_size", "before", (r) => r[2], bytes),
			f("size", "now", (r) => r[4], bytes),
			{
				...f(
					"size_diff",
					"change",
					(r) => r[4] - r[2],
					(n) => signed(bytes, n),
					"change",
				),
				sort: (r) => Math.abs(r[4] - r[2]),
			}] : [f("old_count", "before", (r) => r[3], count)]),
			f("count", sized ? "blocks" : "now", (r) => r[5], count),
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
					"h2",
					{},
					`${d.kinds[r[0]]}: ${bytes(r[2])} in ${many(r[3], "block")} → ${bytes(r[4])} in ${many(r[5], "block")}`,
				),
				stackList(r[1]),
			),
	});
	let before = 0,
		after = 0;
	for (const r of d.rows) {
		before += r[sized ? 2 : 3];
		after += r[sized ? 4 : 5];
	}
	const number = sized ? bytes : count,
		title = measure.label[0].toUpperCase() + measure.label.slice(1);
	list.tools.prepend(pick);
	list.prepend(
		el(
			"p",
			{ class: "lead", "data-before": before, "data-after": after },
			`${title}: ${number(before)} before, ${number(after)} now (${signed(number, after - before)}). `,
			d.rebuilt
				? el(
						"span",
						{ class: "dim" },
						"Different builds: sites are matched by function names.",
					)
				: null,
		),
		el("div", { class: "kinds" }, boxes),
	);
	return list;
}
