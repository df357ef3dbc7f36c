// Timeline, histograms, threads, and all that the snapshot says of the process.
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import { data, head } from "./data.js";
import { bytes, count, duration, many } from "./format.js";
import { dark, el } from "./dom.js";
import { searchTexts } from "./match.js";
import { table } from "./table.js";

export function timeline() {
	const d = data(),
		marks = d.info.marks;
	if (!d.time_ns.length) return el("p", { class: "empty" }, "The snapshot has no timeline.");
	const box = el("div", { class: "plot" }),
		css = () => getComputedStyle(document.body);
	const f = (key, label, format) => ({
		name: key,
		label,
		class: "number",
		text: (m) => format(m[key]),
		sort: (m) => m[key],
	});
	const list = table({
		rows: () => marks,
		sort: "elapsed_ns",
		key: (m) => String(marks.indexOf(m)),
		search: searchTexts((m) => `${m.name} ${m.kind}`),
		empty: "no marks",
		columns: [
			f("elapsed_ns", "after", duration),
			f("live_bytes", "live", bytes),
			f("live_blocks", "blocks", count),
			{ name: "kind", label: "kind", text: (m) => m.kind, sort: (m) => m.kind },
			{
				name: "name",
				label: "mark",
				width: "minmax(8em,1fr)",
				text: (m) => m.name,
				sort: (m) => m.name,
			},
		],
	});
	const root = el(
		"div",
		{},
		box,
		el("p", { class: "dim" }, "Drag to zoom, double-click to reset."),
		marks.length
			? [el("h3", {}, "Marks"), list]
			: el("p", { class: "dim" }, 'No marks: tide_mark("name") in the program sets them.'),
	);
	function plot() {
		const upTo = (list, format) =>
			`up to ${format(list.reduce((a, b) => Math.max(a, b ?? 0), 0))}`;
		const axis = {
			stroke: css().getPropertyValue("--dim"),
			grid: { width: 1, stroke: css().getPropertyValue("--line") },
			ticks: { stroke: css().getPropertyValue("--line") },
		};
		box.replaceChildren();
		// Snapshots of older versions hold no blocks.
		const blocks = d.time_live_blocks?.some((n) => n);
		new uPlot(
			{
				width: Math.max(300, box.clientWidth || 1000),
				height: 380,
				scales: { x: { time: false }, blocks: {} },
				series: [
					{
						label: "time",
						value: (_, v) =>
							v == null
								? duration(head.elapsed_ns)
								: duration(v * 1e9),
					},
					{
						label: "live",
						stroke: dark() ? "#6db3ff" : "#1766c2",
						fill: dark() ? "#6db3ff22" : "#1766c222",
						width: 2,
						value: (_, v) =>
							v == null ? upTo(d.time_live_bytes, bytes) : bytes(v),
					},
					{
						label: "RSS",
						stroke: dark() ? "#ffb454" : "#c2620a",
						width: 2,
						value: (_, v) =>
							v == null ? upTo(d.time_rss_bytes, bytes) : bytes(v),
					},
					{
						label: "blocks",
						scale: "blocks",
						stroke: dark() ? "#8fd694" : "#2f7d32",
						width: 1,
						value: (_, v) =>
							v == null
								? upTo(d.time_live_blocks, count)
								: count(v),
					},
				].slice(0, blocks ? 4 : 3),
				axes: [
					{
						...axis,
						values: (_, ticks) => ticks.map((t) => duration(t * 1e9)),
					},
					{
						...axis,
						size: 80,
						incrs: Array.from({ length: 52 }, (_, i) => 2 ** i),
						values: (_, ticks) => ticks.map((t) => bytes(t)),
					},
					{
						...axis,
						scale: "blocks",
						side: 1,
						size: 80,
						grid: { show: false },
						values: (_, ticks) => ticks.map((t) => count(t)),
					},
				].slice(0, blocks ? 3 : 2),
				hooks: {
					draw: [
						(u) => {
							const c = u.ctx;
							c.save();
							c.strokeStyle = c.fillStyle =
								css().getPropertyValue("--accent");
							c.setLineDash([4, 4]);
							c.textAlign = "left";
							c.font = `${11 * devicePixelRatio}px system-ui`;
							let end = -Infinity;
							const peak = d.info.snapshot.peak_elapsed_ns
								? [
										{
											elapsed_ns: d.info
												.snapshot
												.peak_elapsed_ns,
											name: `peak ${bytes(head.process_peak_bytes)}`,
										},
									]
								: [];
							for (const m of [...marks, ...peak].sort(
								(a, b) => a.elapsed_ns - b.elapsed_ns,
							)) {
								const x = u.valToPos(
									m.elapsed_ns / 1e9,
									"x",
									true,
								);
								if (
									x < u.bbox.left ||
									x > u.bbox.left + u.bbox.width
								)
									continue;
								c.beginPath();
								c.moveTo(x, u.bbox.top);
								c.lineTo(x, u.bbox.top + u.bbox.height);
								c.stroke();
								const text = m.name || m.kind;
								if (x > end) {
									const wide =
											c.measureText(
												text,
											).width,
										left =
											x + 4 + wide >
											u.bbox.left +
												u.bbox.width;
									c.fillText(
										text,
										left ? x - 4 - wide : x + 4,
										u.bbox.top +
											12 * devicePixelRatio,
									);
									end = x + (left ? 0 : wide) + 8;
								}
							}
							c.restore();
						},
					],
				},
			},
			[
				d.time_ns.map((t) => t / 1e9),
				d.time_live_bytes,
				d.time_rss_bytes.map((v) => v || null),
				d.time_live_blocks,
			].slice(0, blocks ? 4 : 3),
			box,
		);
	}
	root.ready = () => {
		plot();
		if (marks.length) list.ready();
		let width = box.clientWidth;
		new ResizeObserver(() => {
			if (box.clientWidth && box.clientWidth !== width) {
				width = box.clientWidth;
				plot();
			}
		}).observe(box);
	};
	root.print = (on) => marks.length && list.print(on);
	return root;
}

// rows: [label, number, more text]
function bars(title, rows, format, why) {
	const most = Math.max(1, ...rows.map((r) => r[1]));
	return el(
		"section",
		{},
		el("h3", {}, title),
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
							rows.map(([label, n, more]) =>
								el(
									"tr",
									{},
									el("td", {}, label),
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
			: el("p", { class: "dim" }, why ?? "nothing here"),
	);
}
// "65536-131071" is "64 KiB – 128 KiB".
function sizeClass(key) {
	const [from, to] = key.split("-").map(Number);
	const whole = (n) => bytes(n).replace(/\.0+ /, " ");
	return to === undefined || Number.isNaN(to) ? `${key} B` : `${whole(from)} – ${whole(to + 1)}`;
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
	const sizes = (name, key, more) =>
		bars(
			name,
			rows(d.sizes)
				.filter((r) => r[key])
				.map((r) => [
					sizeClass(r.key),
					r[key],
					r[more] === undefined ? "" : bytes(r[more]),
				]),
			count,
			has(d.sizes, key) ? null : (d.sizes.why ?? "not known without a list of blocks"),
		);
	return el(
		"div",
		{ class: "columns" },
		sizes("Sizes of live blocks", "live_blocks", "live_bytes"),
		sizes("Sizes of all allocations", "total_blocks", "total_bytes"),
		bars("Lifetimes of freed blocks", lives, count, "not recorded, or nothing was freed"),
		bars(
			"Ages of live blocks",
			rows(d.ages).map((r) => [r.key, r.live_blocks ?? 0, bytes(r.live_bytes ?? 0)]),
			count,
			d.ages.why,
		),
	);
}

export function threads() {
	const d = data(),
		rows = d.threads.rows ?? [];
	const f = (name, label, format) => ({
		name,
		label,
		class: "number",
		text: (r) => (r[name] === undefined ? "" : format(r[name])),
		sort: (r) => r[name] ?? 0,
	});
	const list = table({
		rows: () => rows,
		sort: "total_bytes",
		key: (r) => r.key,
		search: searchTexts((r) => r.key),
		empty: d.threads.why ?? "no threads",
		columns: [
			f("live_bytes", "live", bytes),
			f("live_blocks", "blocks", count),
			f("total_bytes", "total", bytes),
			f("total_blocks", "allocations", count),
			{
				name: "key",
				label: "thread",
				width: "minmax(10em,1fr)",
				text: (r) => r.key,
				sort: (r) => r.key,
			},
		],
	});
	const all = d.info.threads.map((t, i) => ({ ...t, i }));
	const states = table({
		rows: () => all,
		sort: "allocations",
		key: (t) => String(t.i),
		search: searchTexts((t) => `${t.name} ${t.tid}`),
		columns: [
			f("live_bytes", "live", bytes),
			f("allocations", "allocations", count),
			{
				name: "tid",
				label: "number",
				class: "number",
				text: (t) => String(t.tid),
				sort: (t) => t.tid,
			},
			{
				name: "alive",
				label: "state",
				text: (t) => (t.alive ? "alive" : "ended"),
				sort: (t) => +t.alive,
			},
			{
				name: "registers",
				label: "registers",
				text: (t) => t.registers,
				sort: (t) => t.registers,
			},
			{
				name: "name",
				label: "name",
				width: "minmax(8em,1fr)",
				text: (t) => t.name,
				sort: (t) => t.name,
			},
		],
	});
	const root = el(
		"div",
		{},
		el("h3", {}, "Who allocated"),
		list,
		el("h3", {}, "State at the snapshot"),
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

function fields(title, o, format = (_, v) => (typeof v === "number" ? count(v) : String(v))) {
	const list = Object.entries(o).filter(
		([k, v]) =>
			v !== "" &&
			v !== null &&
			!(v === 0 && /^(exit_signal|sample_bytes|threads_unknown|flags)$/.test(k)),
	);
	return el(
		"section",
		{},
		el("h3", {}, title),
		list.length
			? el(
					"dl",
					{},
					list.map(([k, v]) => [
						el(
							"dt",
							{},
							k
								.replace(/_(wall_)?ns$|_bytes$/, "")
								.replaceAll("_", " "),
						),
						el("dd", {}, format(k, v)),
					]),
				)
			: el("p", { class: "dim" }, "nothing"),
	);
}
function processField(k, v) {
	if (typeof v !== "number") return String(v);
	if (k.endsWith("_bytes")) return `${bytes(v)} (${count(v)})`;
	if (k.endsWith("_wall_ns")) return new Date(v / 1e6).toISOString();
	if (k.endsWith("_ns")) return duration(v);
	return /pid|uid|status|signal|flags/.test(k) ? String(v) : count(v);
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
		el(
			"div",
			{ class: "columns" },
			el(
				"div",
				{},
				fields(
					"What was not seen",
					missed,
					(k, v) =>
						`${count(v)}${head.missed?.[k] ? ` ${head.missed[k]}` : ""}`,
				),
				fields("Coverage", info.coverage),
				fields("Options", info.options),
				fields("Records", info.records),
			),
			fields("Process", info.snapshot, processField),
		),
		el("h3", {}, "Modules"),
		list,
		el("p", { class: "dim" }, `tidemark ${head.version}`),
	);
	root.ready = () => list.ready();
	root.print = (on) => list.print(on);
	return root;
}
