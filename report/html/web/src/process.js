// Histograms, threads, and all that the snapshot says of the process.
import { data, head } from "./data.js";
import { bytes, count, duration, share, sizeClass } from "./format.js";
import { el } from "./dom.js";
import { searchTexts } from "./match.js";
import { table } from "./table.js";

const sentence = (text) => text[0].toUpperCase() + text.slice(1) + (/[.!?]$/.test(text) ? "" : ".");
// rows: [label, number, more text, what the sites are chosen by where a click leads to them]
function bars(title, rows, format, why) {
	const most = Math.max(1, ...rows.map((r) => r[1]));
	return el(
		"section",
		{},
		el("h2", {}, title),
		rows.length
			? el(
					"div",
					{ class: "wide" },
					el(
						"table",
						{ class: "plain bars" },
						el(
							"tbody",
							{},
							rows.map(([label, n, more, to]) =>
								el(
									"tr",
									{},
									el(
										"td",
										{},
										to
											? el(
													"a",
													{
														class: "row-link",
														href: `#${new URLSearchParams({ view: "sites", ...to })}`,
														title: "the sites of these blocks",
													},
													label,
												)
											: label,
									),
									el(
										"td",
										{ class: "number" },
										format(n),
									),
									el(
										"td",
										{ class: "bar" },
										el("div", {
											style: `width:${Math.max(0, (100 * n) / most)}%`,
										}),
									),
									el(
										"td",
										{ class: "dim number" },
										more ?? "",
									),
								),
							),
						),
					),
				)
			: el("p", { class: "dim" }, sentence(why ?? "There is nothing to show.")),
	);
}
export function histograms() {
	const d = data(),
		life = d.lifetimes;
	const last = life.findLastIndex((n) => n),
		first = life.findIndex((n) => n);
	const edge = (c) => duration(2 ** (c + 9));
	const lives =
		first < 0
			? []
			: life
					.slice(first, last + 1)
					.map((n, i) => [
						i + first
							? `${edge(i + first)} – ${edge(i + first + 1)}`
							: `under ${edge(1)}`,
						n,
					]);
	const rows = (g) => [...(g.rows ?? [])].sort((a, b) => a.order - b.order);
	const has = (g, key) => (g.rows ?? []).some((r) => r[key] !== undefined);
	const ofSize = (r) => (d.thread_size ? { size: r.order } : null);
	const notStarted = head.unprepared ? "Not known: the process was not started with tidemark." : null;
	const sizes = (name, key, more) =>
		bars(
			name,
			rows(d.sizes)
				.filter((r) => r[key])
				.map((r) => [
					sizeClass(r.order),
					r[key],
					r[more] === undefined ? "" : bytes(r[more]),
					key === "live_blocks" ? ofSize(r) : null,
				]),
			count,
			has(d.sizes, key) ? null : (notStarted ?? d.sizes.why ?? "Not known without a list of blocks."),
		);
	const sizeBytes = (name, key) =>
		bars(
			name,
			rows(d.sizes)
				.filter((r) => r[key])
				.map((r) => [sizeClass(r.order), r[key], "", ofSize(r)]),
			bytes,
			d.sizes.why ?? "Not known without a list of blocks.",
		);
	return el(
		"div",
		{ class: "columns" },
		sizeBytes("Bytes of live blocks by their size", "live_bytes"),
		sizes("Sizes of live blocks", "live_blocks", "live_bytes"),
		sizes("Sizes of all allocations", "total_blocks", "total_bytes"),
		bars("Lifetimes of freed blocks", lives, count, notStarted ?? "Not recorded, or nothing was freed."),
		bars(
			"Ages of live blocks",
			rows(d.ages).map((r) => [r.key, r.live_blocks ?? 0, bytes(r.live_bytes ?? 0), d.thread_row ? { span: `${r.order}-${r.order + 1}` } : null]),
			count,
			notStarted ?? d.ages.why,
		),
	);
}

export function threads() {
	const d = data(),
		rows = d.threads.rows ?? [];
	const most = (name) => rows.reduce((a, r) => Math.max(a, r[name] ?? 0), 1);
	const f = (name, label, format, title) => ({
		name,
		label,
		title,
		class: "number",
		share: title && ((top) => (r) => (r[name] ?? 0) / top)(most(name)),
		text: (r) => (r[name] === undefined ? "" : format(r[name])),
		sort: (r) => r[name] ?? 0,
	});
	const list = table({
		id: "thread",
		rows: () => rows,
		sort: rows.some((r) => r.live_bytes) ? "live_bytes" : "total_bytes",
		key: (r) => r.key,
		search: searchTexts((r) => r.key),
		empty: d.memory?.walked
			? "Which thread allocated what is known only of programs that ran under tidemark."
			: (d.threads.why ?? "No thread has allocated anything."),
		columns: [
			f("live_bytes", "live", bytes, "live blocks that this thread made, also where another thread will free them"),
			f("live_blocks", "blocks", count),
			f("total_bytes", "total", bytes, "all that this thread ever allocated"),
			f("total_blocks", "allocations", count),
			{ name: "key", label: "thread", width: "minmax(10em,1fr)", text: (r) => r.key, sort: (r) => r.key },
		],
		detail: (r) =>
			d.thread_row && r.key !== "(unknown thread)"
				? el("p", {}, el("a", { class: "row-link", href: `#${new URLSearchParams({ view: "sites", thread: r.key })}` }, "Sites whose live blocks this thread made"))
				: el("p", { class: "dim" }, "The snapshot has no list of blocks, so the sites of a thread are not known."),
	});
	const all = d.info.threads.map((t, i) => ({ ...t, i }));
	const states = table({
		id: "state",
		rows: () => all,
		sort: head.unprepared ? "tid" : "allocations",
		key: (t) => String(t.i),
		search: searchTexts((t) => `${t.name} ${t.tid}`),
		columns: [
			...(head.unprepared ? [] : [f("allocations", "allocations", count)]),
			{ name: "tid", label: "thread id", class: "number", text: (t) => String(t.tid), sort: (t) => t.tid },
			{ name: "alive", label: "state", text: (t) => (t.alive ? "running" : "ended"), sort: (t) => +t.alive },
			{ name: "registers", label: "registers", title: "references in registers count as roots", text: (t) => t.registers, sort: (t) => t.registers },
			{ name: "name", label: "name", width: "minmax(8em,1fr)", text: (t) => t.name || "(without a name)", sort: (t) => t.name },
		],
	});
	const root = el(
		"div",
		{},
		el("h2", {}, "Memory by the thread that allocated it"),
		list,
		el("h2", {}, "Threads at the snapshot"),
		states,
	);
	root.ready = () => {
		list.ready();
		states.ready();
	};
	root.print = (on) => {
		list.print(on);
		states.print(on);
	};
	return root;
}

// Field names of the snapshot in words.
const WORDS = {
	exe: "program",
	pid: "process id",
	parent_pid: "started by process",
	uid: "user id",
	reason: "snapshot taken",
	complete: "complete",
	references: "references known",
	sequence: "snapshots of this process so far",
	elapsed_ns: "running for",
	taken_wall_ns: "taken at",
	started_wall_ns: "started at",
	own_bytes: "the profiler, its library included",
	rss_bytes: "resident memory (RSS)",
	peak_bytes: "most live bytes at once",
	peak_blocks: "blocks at that moment",
	peak_elapsed_ns: "the peak was after",
	live_bytes: "live bytes",
	live_blocks: "live blocks",
	pause_ns: "paused for the snapshot",
	pss_bytes: "resident memory, shared pages in part (PSS)",
	virtual_bytes: "address space",
	total_bytes: "bytes allocated in all",
	total_blocks: "allocations in all",
	temporary: "freed before the next allocation",
	peak_uncertain_bytes: "the peak is exact to",
	directory: "working folder",
	libc: "C library",
	tool_version: "version of tidemark",
	roots: "roots",
	stop_ns: "paused for the snapshot",
	exit_status: "exit status",
	exit_signal: "ended by signal",
	threads_stopped: "threads whose registers are known",
	threads_unknown: "threads whose registers are not known",
	depth_limit: "frames of a call stack at most",
	sample_bytes: "one sample in so many bytes",
	cwd: "working folder",
	command: "command line",
	generation: "times forked",
	host: "machine",
	clock_hz: "clock ticks a second",
	blocks_from: "blocks are known from",
	"heap.arenas": "heaps of the allocator (arenas)",
	"heap.chunks": "chunks that were walked",
	"heap.mapped_chunks": "blocks with a mapping of their own",
	"heap.tcache": "free chunks in caches of threads",
	"heap.fast": "free chunks in fast bins",
	"heap.unsure": "places that could not be walked",
	stacks_broken: "incomplete call stacks",
	root_edges: "references from roots",
	edges: "references between blocks",
};
const inWords = (k) => WORDS[k] ?? k.replace(/_(wall_)?ns$|_bytes$/, "").replaceAll("_", " ");
const SINCE_START = /^(peak_|total_|allocations$|reallocations$|temporary$|depth_limit$|own_bytes$|births$|timeline$|marks$)/;
function fields(title, o, empty, format = (_, v) => (typeof v === "number" ? count(v) : String(v))) {
	const list = Object.entries(o).filter(
		([k, v]) =>
			v !== "" &&
			!(head.unprepared && SINCE_START.test(k)) &&
			!(k === "exit_status" && v < 0) &&
			v !== null &&
			!/^(flags|birth_now)$/.test(k) &&
			typeof v !== "object" &&
			!(v === 0 && /^(exit_signal|sample_bytes|threads_unknown|flags)$/.test(k)),
	);
	return el(
		"section",
		{},
		el("h2", {}, title),
		list.length
			? el(
					"dl",
					{},
					list.map(([k, v]) => [
						el("dt", { "data-field": k }, inWords(k)),
						el("dd", {}, format(k, v)),
					]),
				)
			: el("p", { class: "dim" }, empty),
	);
}
function processField(k, v) {
	if (typeof v === "boolean") return v ? "yes" : "no";
	if (typeof v !== "number") return String(v);
	if (k.endsWith("_bytes")) return `${bytes(v)} (${count(v)})`;
	if (k.endsWith("_wall_ns")) return new Date(v / 1e6).toISOString();
	if (k.endsWith("_ns")) return duration(v);
	return /pid|uid|status|signal|flags/.test(k) ? String(v) : count(v);
}
// What of the resident memory the profiler can account for, and what the rest is.
export function trackedShare() {
	const r = head.rest;
	if (!head.rss_bytes) return "The resident memory of the process is not known.";
	if (!r || !head.resident) return `The live heap has ${bytes(head.totals.live_bytes)}; ${bytes(head.rss_bytes)} are resident (RSS).`;
	const rest = [
		["free memory and malloc's own", r.heap_free],
		["code and files", r.files],
		["stacks", r.stacks],
		["global variables", r.globals],
		["other mappings", r.mappings],
		["profiler overhead", r.profiler],
	]
		.filter((p) => p[1] > 0)
		.sort((a, b) => b[1] - a[1]);
	return `The live heap is ${share(head.live_resident, head.resident)} of ${bytes(head.resident)} RSS. The rest: ${rest.map(([name, n]) => `${name} ${share(n, head.resident)}`).join(", ")}.`;
}
export function details() {
	const { info } = data();
	const modules = info.modules.map((m, i) => ({ ...m, i }));
	const list = table({
		rows: () => modules,
		sort: "lo",
		key: (m) => String(m.i),
		search: searchTexts((m) => `${m.path} ${m.build_id}`),
		columns: [
			{
				name: "lo",
				label: "address",
				width: "10em",
				text: (m) => m.lo,
				sort: (m) => -Number(m.lo),
			},
			{
				name: "closed",
				label: "state",
				text: (m) => (m.closed ? "unloaded" : m.main ? "program" : "loaded"),
				sort: (m) => m.closed,
			},
			{
				name: "build_id",
				label: "build id",
				width: "12em",
				text: (m) => m.build_id,
				sort: (m) => m.build_id,
			},
			{
				name: "path",
				label: "path",
				width: "minmax(10em,1fr)",
				text: (m) => m.path,
				sort: (m) => m.path,
			},
		],
	});
	const missed = Object.fromEntries(Object.entries(info.missed).filter(([, v]) => v));
	const root = el(
		"div",
		{},
		el("p", { class: "lead" }, trackedShare()),
		el(
			"div",
			{ class: "columns" },
			el(
				"div",
				{},
				fields(
					"What was not seen",
					missed,
					"Nothing was missed.",
					(k, v) =>
						`${count(v)}${head.missed?.[k] ? ` ${head.missed[k]}` : ""}`,
				),
				fields("Coverage", info.coverage, "Nothing was counted."),
				fields("Options", info.options, head.unprepared ? "The process was not started with tidemark." : "No option was given."),
				fields("Records", info.records, "The snapshot has no records."),
			),
			fields("Process", info.snapshot, "Nothing is known of the process.", processField),
		),
		el("h2", {}, "Modules"),
		list,
		el("p", { class: "dim" }, `tidemark ${head.version}`),
	);
	root.ready = () => list.ready();
	root.print = (on) => list.print(on);
	return root;
}
