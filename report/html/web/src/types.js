// What blocks are: objects of Python by type, with reference counts that do not add up; native blocks by type.
import { data, head } from "./data.js";
import { bytes, count, many, share, signed } from "./format.js";
import { el } from "./dom.js";
import { searchTexts } from "./match.js";
import { rowLink, stackList } from "./sites.js";
import { table } from "./table.js";

const VERDICTS = { refleak: "lost references", "awaiting-gc": "garbage", none: "" };
const NATIVE_LEAST = 65536; // bytes: types_screen.c
const EVIDENCE = {
	vtable: "vtable",
	call_site: "call",
	allocator_frame: "allocator",
	pointer: "typed pointer",
	shape: "shape",
};
const number = (name, label, get, format, title) => ({
	name,
	label,
	title,
	class: "number",
	text: (r) => (get(r) ? format(get(r)) : el("span", { class: "dim" }, "–")),
	sort: get,
});
const typeName = (r) => (r.module && r.module !== "builtins" ? `${r.module}.${r.type}` : r.type);

// The sites that made them, and the stack of the first.
function madeBy(sites, what, title) {
	if (!sites.length) return el("p", { class: "dim" }, "Where they were allocated is not known.");
	return [
		el("h3", {}, title),
		el(
			"ul",
			{ class: "sites-list" },
			sites.map(([row, n]) => el("li", {}, `${many(n, what)}  `, rowLink(row))),
		),
		el("h3", {}, "Call stack of the first"),
		stackList(sites[0][0]),
	];
}
const allLink = (name) =>
	el("a", { class: "row-link", href: `#${new URLSearchParams({ view: "sites", type: name })}` }, "Sites whose blocks are mostly of this type");

// --- Python ------------------------------------------------------------------------

function pythonDetail(r) {
	return el(
		"section",
		{},
		el("h2", {}, `${typeName(r)}: ${many(r.live, "object")}, ${bytes(r.bytes)}`),
		r.excess_references
			? el(
					"p",
					{ class: "bad-text" },
					`${many(r.excess_objects, "object")} ${r.excess_objects === 1 ? "has" : "have"} ${count(r.excess_references)} more references stored than found: somebody took a reference and never gave it back (a forgotten Py_DECREF).`,
				)
			: null,
		isNative(r) ? el("p", {}, `${bytes(r.native_bytes)} of it are native memory, in ${many(r.native_blocks, "block")}: only these objects lead to it.`) : null,
		r.unreachable ? el("p", {}, `${count(r.unreachable)} of ${count(r.live)} cannot be reached from the program; ${count(r.cyclic)} of them are in cycles.`) : null,
		r.awaiting ? el("p", {}, `gc frees ${count(r.awaiting)} of ${count(r.live)} the next time it looks at them.`) : null,
		r.pinned ? el("p", {}, `${count(r.pinned)} of ${count(r.live)} are garbage that an object with a lost reference keeps.`) : null,
		r.unsure_objects ? el("p", { class: "dim" }, `${count(r.unsure_objects)} have fewer references stored than found: no verdict is given on them.`) : null,
		r.slots_save ? el("p", {}, `__slots__ would save about ${bytes(r.slots_save)}: each instance has a dictionary of its own.`) : null,
		r.values.length
			? [
					el("h3", {}, r.excess_objects ? "Commonest values of these" : "Commonest values"),
					el("ul", { class: "values" }, r.values.map(([v, n]) => el("li", {}, el("code", {}, v), el("span", { class: "dim" }, ` × ${count(n)}`)))),
				]
			: null,
		madeBy(r.sites, "object", r.excess_objects ? "Objects with lost references were made by" : "Made by"),
		el("p", {}, allLink(typeName(r))),
	);
}

// As the terminal decides it: most of it is memory of C, which Python's own tools do not see.
const isNative = (r) => r.native_bytes >= NATIVE_LEAST && r.native_bytes >= r.bytes / 2;

function pythonTable(p) {
	const list = table({
		id: "python",
		rows: () => p.rows,
		// With an older snapshot the question is what has grown.
		sort: p.compared ? "bytes_diff" : "verdict",
		key: typeName,
		search: searchTexts((r) => `${typeName(r)} ${VERDICTS[r.verdict] ?? ""}`),
		empty: "There are no objects.",
		said: (rows) => `${many(rows.length, "type")}${p.all > p.rows.length ? ` of ${count(p.all)}` : ""}`,
		class: (r) => r.verdict,
		columns: [
			{
				name: "verdict",
				label: "verdict",
				width: "10em",
				text: (r) => (VERDICTS[r.verdict] ? el("span", { class: `tag ${r.verdict === "refleak" ? "bad" : "warn"}` }, VERDICTS[r.verdict]) : ""),
				sort: (r) => (r.verdict === "refleak" ? 2e15 : r.verdict === "awaiting-gc" ? 1e15 : 0) + (r.excess_references || r.bytes),
				title: "what is wrong with them",
			},
			number("live", "objects", (r) => r.live, count),
			p.compared ? number("live_diff", "change", (r) => r.live_diff, (n) => signed(count, n), "objects since the older snapshot") : null,
			number("bytes", "bytes", (r) => r.bytes, bytes, "with what belongs to them: item arrays, key tables, buffers"),
			p.compared ? number("bytes_diff", "grown by", (r) => r.bytes_diff, (n) => signed(bytes, n), "bytes since the older snapshot") : null,
			p.rows.some(isNative) ? number("native", "native", (r) => r.native_bytes, bytes, "of these bytes: memory of C that only these objects lead to") : null,
			number("excess", "excess", (r) => r.excess_references, count, "references stored above those found"),
			number("excess_objects", "in objects", (r) => r.excess_objects, count),
			number("awaiting", "gc frees", (r) => r.awaiting, count, "garbage: gc.collect() would free these"),
			number("unreachable", "unreachable", (r) => r.unreachable, count, "neither the program nor its variables lead to them"),
			{
				name: "type",
				label: "type",
				width: "minmax(12em,1fr)",
				class: "place",
				text: (r) => el("b", { title: typeName(r) }, typeName(r)),
				sort: typeName,
			},
		].filter(Boolean),
		detail: pythonDetail,
	});
	return list;
}

function strings(s) {
	if (!s) return null;
	const lead = el("p", {}, `${many(s.objects, "string")} hold ${bytes(s.bytes)}; ${count(s.interned)} are interned.`);
	if (!s.duplicates.length) return el("section", {}, el("h2", {}, "Strings"), lead, el("p", { class: "dim" }, "No string is there more than once."));
	const rows = s.duplicates.map((r, i) => ({ r, i }));
	const list = table({
		id: "string",
		rows: () => rows,
		sort: "wasted",
		key: (x) => String(x.i),
		search: searchTexts((x) => x.r[0]),
		said: (all) => `${many(all.length, "string")} in more than one copy${s.all > rows.length ? `, the largest of ${count(s.all)}` : ""}`,
		columns: [
			number("wasted", "wasted", (x) => x.r[3], bytes, "all copies but one"),
			number("copies", "copies", (x) => x.r[2], count),
			number("length", "length", (x) => x.r[1], count),
			{ name: "text", label: "text", width: "minmax(12em,1fr)", class: "place", text: (x) => el("code", {}, x.r[0] || " "), sort: (x) => x.r[0] },
		],
	});
	const root = el("section", { "data-table": "string" }, el("h2", {}, "Strings"), lead, list);
	root.list = list;
	return root;
}

function arenas(p) {
	const a = p.pymalloc;
	if (!a) return null;
	const free = Math.max(0, a.arena_bytes - a.used_bytes);
	const lead = el(
		"p",
		{},
		`Small objects have ${many(a.arenas, "arena")} of ${bytes(a.arena_bytes)} in all; ${bytes(a.used_bytes)} are in use, ${bytes(free)} (${share(free, a.arena_bytes) || "0 %"}) are free. `,
		a.sparse ? `In ${many(a.sparse, "arena")} less than a quarter is used; an arena goes back to the system only when its last object is freed.` : "",
	);
	if (!a.held_by.length) return el("section", {}, el("h2", {}, "Arenas of Python"), lead);
	const rows = a.held_by.map((r, i) => ({ r, i }));
	const list = table({
		id: "holder",
		rows: () => rows,
		sort: "arenas",
		key: (x) => String(x.i),
		search: searchTexts((x) => x.r[0]),
		said: (all) => `${many(all.length, "site")} of objects that keep sparse arenas`,
		columns: [
			number("arenas", "arenas", (x) => x.r[3], bytes, "bytes of arenas in which these objects are"),
			number("blocks", "objects", (x) => x.r[2], count),
			{ name: "type", label: "type", width: "12em", text: (x) => x.r[0] || "(no object)", sort: (x) => x.r[0] },
			{ name: "place", label: "allocated by", width: "minmax(12em,1fr)", class: "place", text: (x) => rowLink(x.r[1]), sort: (x) => x.r[1] },
		],
	});
	const root = el("section", { "data-table": "holder" }, el("h2", {}, "Arenas of Python"), lead, list);
	root.list = list;
	return root;
}

function collector(p) {
	const sentences = [
		p.awaiting?.objects
			? `${many(p.awaiting.objects, "object")} in ${many(p.awaiting.components, "cycle")} (${bytes(p.awaiting.bytes)}) wait for the collector: gc.collect() would free them.`
			: "No object waits for the collector.",
		p.pinned?.objects
			? `${many(p.pinned.objects, "object")} in ${many(p.pinned.components, "cycle")} (${bytes(p.pinned.bytes)}) are unreachable, but lost references keep them: gc.collect() does not free them.`
			: null,
		p.gc && !p.gc.enabled ? "The collector was switched off (gc.disable())." : null,
	];
	return el(
		"section",
		{},
		el("h2", {}, "Garbage collector"),
		sentences.filter(Boolean).map((s) => el("p", {}, s)),
		p.gc
			? el(
					"table",
					{ class: "plain generations" },
					el("thead", {}, el("tr", {}, ["generation", "objects", "threshold", "count"].map((t) => el("th", { class: "number" }, t)))),
					el(
						"tbody",
						{},
						p.gc.generations.map((g, i) => el("tr", {}, [i, ...g].map((n) => el("td", { class: "number" }, count(n))))),
					),
				)
			: null,
	);
}

function python(p) {
	if (!p.rows)
		return {
			parts: [],
			root: el(
				"section",
				{},
				el("h2", {}, `Python ${p.version}`),
				el("p", {}, "The layout of this interpreter could not be proved, so its objects are not judged: native types only."),
			),
		};
	const live = p.rows.reduce((a, r) => a + r.live, 0);
	const list = pythonTable(p),
		parts = [arenas(p), strings(p.strings)].filter(Boolean);
	return {
		parts: [list, ...parts.map((s) => s.list).filter(Boolean)],
		root: el(
			"div",
			{},
			el("h2", {}, `Python ${p.version}`),
			live
				? el(
						"p",
						{ class: "lead", "data-live": live },
						`${many(live, "object")} of ${many(p.all, "type")}. `,
						p.refleak_objects
							? el(
									"b",
									{ class: "bad-text" },
									`${many(p.refleak_objects, "object")} of ${many(p.refleak_types, "type")} ${p.refleak_objects === 1 ? "has" : "have"} ${many(p.refleak_references, "lost reference")}.`,
								)
							: "No reference is lost.",
						p.left_objects
							? ` ${many(p.left_objects, "object")} ${p.left_objects === 1 ? "has" : "have"} ${many(p.left_references, "reference")} that threads held which did not survive the fork: no verdict is given.`
							: null,
					)
				: el(
						"p",
						{},
						'Python had shut down when this snapshot was taken, and its objects were gone. Take one while it runs: tidemark snap PID, run --every 10s, or ctypes.CDLL(None).tide_snapshot(b"now.tide") in the program.',
					),
			p.off.length ? el("p", { class: "dim" }, `Not known in this interpreter: ${p.off.join(", ")}.`) : null,
			live ? list : null,
			live ? collector(p) : null,
			live ? parts : null,
		),
	};
}

// --- native ------------------------------------------------------------------------

function native(n, old, python) {
	const before = old && new Map(old.map((r) => [r[0], r])),
		rows = n.rows;
	const lead = n.bytes
		? `${share(n.typed_bytes, n.bytes) || "0 %"} of ${bytes(n.bytes)} in native blocks${python ? " outside objects of Python" : ""} have a known type. The others have no evidence of what they are, and no guess is made.`
		: "There are no native blocks.";
	if (!rows.length) return { root: el("section", {}, el("h2", {}, "Native blocks"), el("p", {}, lead)), parts: [] };
	const known = (r) => r[6].map((k, i) => [k, n.evidence[i]]).filter(([k]) => k);
	const list = table({
		id: "native",
		rows: () => rows,
		sort: before ? "bytes_diff" : "bytes",
		key: (r) => r[0],
		search: searchTexts((r) => `${r[0]} ${r[1]}`),
		said: (all) => `${many(all.length, "type")}${n.all > rows.length ? `, the largest of ${count(n.all)}` : ""}`,
		columns: [
			number("bytes", "bytes", (r) => r[3], bytes),
			before ? number("bytes_diff", "change", (r) => r[3] - (before.get(r[0])?.[2] ?? 0), (x) => signed(bytes, x), "since the older snapshot") : null,
			number("blocks", "blocks", (r) => r[2], count),
			number("retained", "retained", (r) => r[4], bytes, "memory that would be freed with them"),
			number("lost", "lost blocks", (r) => r[5], count),
			{
				name: "evidence",
				label: "known by",
				width: "9em",
				text: (r) => {
					const most = known(r).sort((a, b) => b[0] - a[0])[0];
					return most ? (EVIDENCE[most[1]] ?? most[1]) : "";
				},
				sort: (r) => known(r).sort((a, b) => b[0] - a[0])[0]?.[1] ?? "",
			},
			{
				name: "type",
				label: "type",
				width: "minmax(12em,1fr)",
				class: "place",
				text: (r) => el("span", { title: r[0] }, el("b", {}, r[0]), el("span", { class: "dim" }, ` ${r[1]}`)),
				sort: (r) => r[0],
			},
		].filter(Boolean),
		detail: (r) =>
			el(
				"section",
				{},
				el("h2", {}, `${r[0]}: ${bytes(r[3])} in ${many(r[2], "block")}, retaining ${bytes(r[4])}`),
				r[5] ? el("p", { class: "bad-text" }, `${many(r[5], "block")} ${r[5] === 1 ? "is" : "are"} lost.`) : null,
				el("p", { class: "dim" }, `Known by ${known(r).map(([k, name]) => `${EVIDENCE[name] ?? name} (${count(k)})`).join(", ")}.`),
				madeBy(r[7], "block", "Made by"),
				el("p", {}, allLink(r[0])),
			),
	});
	const root = el("section", { "data-table": "native" }, el("h2", {}, "Native blocks"), el("p", { class: "lead" }, lead), list);
	return { root, parts: [list] };
}

export function types() {
	const t = data().types;
	if (t.why) return el("p", { class: "empty" }, `What blocks are is not known: ${t.why || head.leaks.why}. A snapshot with references knows it.`);
	const parts = [t.python && python(t.python), native(t.native, t.old_native, t.python?.rows?.length)].filter(Boolean);
	const root = el(
		"div",
		{},
		parts.map((p) => p.root),
	);
	const lists = parts.flatMap((p) => p.parts);
	root.ready = () => {
		for (const l of lists) if (l.isConnected) l.ready();
	};
	root.print = (on) => {
		for (const l of lists) if (l.isConnected) l.print(on);
	};
	return root;
}
