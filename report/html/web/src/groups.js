// Sites by function, file, line, module, type or thread; and the ones that the address chooses by these.
import { counts, data, value } from "./data.js";
import { sizeClass } from "./format.js";
import { base, place, short, typeOf } from "./names.js";
import { el, state } from "./dom.js";

const keyOf = {
	function: (row) => place(row).function,
	file: (row) => place(row).file,
	line: (row) => {
		const l = place(row);
		return l.file ? `${l.file}:${l.line}` : l.function;
	},
	module: (row) => place(row).module,
	type: typeOf,
};
export const groupKey = (by, row) => (by === "thread" ? makerOf(row) : (keyOf[by] ?? keyOf.function)(row));
// The thread that made most of each site's live blocks.
let makers = null;
export function makerOf(row) {
	if (!makers) {
		const d = data(),
			most = new Float64Array(d.row_site.length),
			sums = new Map();
		makers = new Int32Array(d.row_site.length).fill(-1);
		d.thread_row.forEach((r, i) => {
			const key = `${r} ${d.thread_of[i]}`,
				n = (sums.get(key) ?? 0) + d.thread_bytes[i];
			sums.set(key, n);
			if (n > most[r]) {
				most[r] = n;
				makers[r] = d.thread_of[i];
			}
		});
	}
	return threadName(makers[row]);
}
// The choices, for things that have a row.
export function groupPick(none, by, change) {
	return el(
		"label",
		{},
		"group by ",
		el(
			"select",
			{ "aria-label": "group by", onchange: (e) => change(e.target.value) },
			groupings()
				.filter(([name]) => name !== "thread")
				.map(([name, label]) => el("option", { value: name, selected: name === by }, name ? label : none)),
		),
	);
}
export const threadName = (i) => {
	const t = data().info.threads[i];
	return t ? `${t.name || "thread"} (${t.tid})` : "";
};
// The numbers of the threads that the address selects; null: all.
export const threadsOf = () => (state.has("thread") && data().thread_row ? new Set([-1, ...data().info.threads.keys()].filter((i) => threadName(i) === state.get("thread"))) : null);
// Those that made live blocks, the largest first; without blocks whose thread is not known.
export function threadNames() {
	const d = data(),
		sums = new Map();
	d.thread_row?.forEach((_, i) => sums.set(threadName(d.thread_of[i]), (sums.get(threadName(d.thread_of[i])) ?? 0) + d.thread_bytes[i]));
	return [...sums].sort((a, b) => b[1] - a[1]).map(([name]) => name).filter(Boolean);
}

export function groupings() {
	const d = data(),
		list = [
			["", "call stack"],
			["function", "function"],
			["file", "file"],
			["line", "line"],
			["module", "module"],
		];
	if (d.row_type?.some((n) => n >= 0)) list.push(["type", "type"]);
	if (d.thread_row?.length) list.push(["thread", "thread"]);
	return list;
}
export const groupLabel = (by, key) =>
	key === ""
		? { file: "(no file is known)", module: "(no module is known)", type: "(no type is known)", thread: "(unknown thread)" }[by] ?? "(unknown)"
		: by === "function"
			? short(key)
			: by === "file" || by === "line" || by === "module"
				? base(key)
				: key;

// [{key, rows, and the sum of each measure}]. A site whose blocks several threads made is in each of them.
export function grouped(by, rows, shown) {
	const d = data(),
		groups = new Map();
	const of = (key) => {
		let g = groups.get(key);
		if (!g) {
			groups.set(key, (g = { key, rows: [] }));
			for (const m of shown) g[m.name] = 0;
		}
		return g;
	};
	if (by === "thread") {
		const on = new Uint8Array(d.row_site.length);
		for (const r of rows) on[r] = 1;
		d.thread_row.forEach((r, i) => {
			if (!on[r] || !counts(i)) return;
			const g = of(threadName(d.thread_of[i]));
			g.rows.push(r);
			g.live_bytes += d.thread_bytes[i];
			g.live_blocks += d.thread_blocks[i];
		});
		for (const g of groups.values()) g.rows = [...new Set(g.rows)];
		return [...groups.values()];
	}
	const key = keyOf[by] ?? keyOf.function;
	for (const r of rows) {
		const g = of(key(r));
		g.rows.push(r);
		for (const m of shown) g[m.name] += value(m.name, r);
	}
	return [...groups.values()];
}

// The class of the sizes that the address selects; null: all.
export const sizeOf = () => (/^\d+$/.test(state.get("size") ?? "") && data().thread_size ? +state.get("size") : null);

// [name, value] of what the address chooses.
export const chosenLabel = (name, v) => (name === "size" ? `blocks of ${sizeClass(+v)}` : `${name} ${base(v) || "unknown"}`);
export const chosenGroups = () => [...Object.keys(keyOf), "thread"].filter((k) => state.has(k)).map((k) => [k, state.get(k)]);

// Does a row belong to all of them?
export function chosenRows() {
	const tests = chosenGroups().map(([name, v]) => {
			if (name !== "thread") return (r) => keyOf[name](r) === v;
			return (r) => value("live_blocks", r) > 0;
		});
	if (sizeOf() !== null) tests.push((r) => value("live_blocks", r) > 0);
	return (r) => tests.every((t) => t(r));
}
