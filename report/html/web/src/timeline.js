// Memory over time: live bytes and resident memory on scales of their own, the exact peak, who held memory when, and a
// span of time for the other views.
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import { data, head, value } from "./data.js";
import { bytes, count, duration, many, share } from "./format.js";
import { dark, el, keep, onWidth, state } from "./dom.js";
import { searchTexts } from "./match.js";
import { placeColumn, stackList } from "./sites.js";
import { table } from "./table.js";

// --- periods: between two marks ------------------------------------------------------

const periodStart = (k) => (k > 0 ? data().info.marks[k - 1].elapsed_ns : 0);
const periodEnd = (k) => data().info.marks[k]?.elapsed_ns ?? head.elapsed_ns;
const markName = (k) => {
	const m = data().info.marks[k];
	return m ? m.name || m.kind : "the snapshot";
};
// [from, to): periods that the address selects; null: all.
export function spanOf() {
	const m = /^(\d+)-(\d+)$/.exec(state.get("span") ?? "");
	return m && data().thread_row && +m[1] < +m[2] ? [+m[1], +m[2]] : null;
}
export function spanBar() {
	const span = spanOf();
	if (!span) return [];
	const [from, to] = span;
	return [
		`Live bytes and blocks are only those born between ${from ? markName(from - 1) : "the start"} (${duration(periodStart(from))}) and ${markName(to - 1)} (${duration(periodEnd(to - 1))}). `,
		el(
			"button",
			{
				onclick: () => {
					keep("span", null);
					dispatchEvent(new HashChangeEvent("hashchange"));
				},
			},
			"show all",
		),
	];
}
// The periods that a stretch of time touches.
function periodsOf(from, to) {
	const n = data().info.marks.length;
	let a = 0,
		b = n + 1;
	while (a < n && periodEnd(a) <= from) a++;
	while (b > a + 1 && periodStart(b - 1) >= to) b--;
	return [a, b];
}

// --- who held memory -----------------------------------------------------------------

// [row, bytes], largest first.
function holders(what) {
	const d = data(),
		sums = new Map();
	if (what.kind === "peak" || what.kind === "end")
		for (let r = 0; r < d.kept; r++) {
			const v = value(what.kind === "peak" ? "peak_bytes" : "live_bytes", r);
			if (v > 0) sums.set(r, v);
		}
	else
		d.thread_row.forEach((r, i) => {
			if (d.thread_period[i] < what.periods) sums.set(r, (sums.get(r) ?? 0) + d.thread_bytes[i]);
		});
	return [...sums];
}

function holdersTable(what) {
	const rows = holders(what),
		all = rows.reduce((a, r) => a + r[1], 0),
		most = rows.reduce((a, r) => Math.max(a, r[1]), 1);
	return table({
		id: "held",
		rows: () => rows,
		sort: "bytes",
		key: (r) => String(r[0]),
		search: searchTexts((r) => placeColumn().sort(r[0])),
		empty: "Nothing that is still alive was born before this moment.",
		said: (l) => `${many(l.length, "site")}, ${bytes(all)}`,
		columns: [
			{ name: "bytes", label: "bytes", class: "number", text: (r) => bytes(r[1]), sort: (r) => r[1], share: (r) => r[1] / most },
			{ name: "share", label: "share", class: "number", text: (r) => share(r[1], all), sort: (r) => r[1] },
			placeColumn((r) => r[0]),
		],
		detail: (r) => stackList(r[0]),
	});
}

function moment(ns) {
	const d = data(),
		peak = d.info.snapshot.peak_elapsed_ns,
		near = head.elapsed_ns / 100;
	if (d.peak_bytes && peak && Math.abs(ns - peak) <= near) return { kind: "peak" };
	if (ns >= head.elapsed_ns - near || !d.thread_row) return { kind: "end" };
	let k = 0;
	while (k < d.info.marks.length && d.info.marks[k].elapsed_ns <= ns) k++;
	return { kind: "moment", ns, periods: k };
}

// --- the view ------------------------------------------------------------------------

// The peak is an event of its own: no sample hits it.
function series() {
	const d = data(),
		peak = d.info.snapshot.peak_elapsed_ns,
		points = d.time_ns.map((t, i) => [t, d.time_live_bytes[i], d.time_rss_bytes[i] || null, d.time_live_blocks?.[i] ?? null, d.time_private_bytes?.[i] || null]);
	if (peak && head.process_peak_bytes) points.push([peak, head.process_peak_bytes, null, null, null]);
	points.sort((a, b) => a[0] - b[0]);
	return [0, 1, 2, 3, 4].map((k) => points.map((p) => (k ? p[k] : p[0] / 1e9)));
}

export function timeline() {
	const d = data(),
		{ marks } = d.info;
	if (!d.time_ns.length) return el("p", { class: "empty" }, head.unprepared ? "There is no timeline: the process was not started with tidemark." : "The snapshot has no timeline: it was taken too early for one, or its ledger was lost.");
	const top = el("div", { class: "plot" }),
		bottom = el("div", { class: "plot" }),
		css = (name) => getComputedStyle(document.body).getPropertyValue(name);
	const lists = [];
	const who = el("div", {}),
		whoLead = el("p", { class: "lead" });
	const pickers = el("div", { class: "tools", role: "group", "aria-label": "moment" });
	let stretch = null;

	function ask(what) {
		for (const b of pickers.children) b.setAttribute?.("aria-pressed", String(b.dataset.kind === what.kind));
		const list = holdersTable(what);
		whoLead.textContent =
			what.kind === "peak"
				? `At the peak, after ${duration(d.info.snapshot.peak_elapsed_ns)}, ${bytes(head.process_peak_bytes)} were live. These sites held them:`
				: what.kind === "end"
					? `At the snapshot, after ${duration(head.elapsed_ns)}, ${bytes(head.totals.live_bytes)} were live. These sites held them:`
					: `After ${duration(what.ns)}: of what was live then, the snapshot knows the blocks that still lived at its end and were born before ${what.periods ? `the mark "${markName(what.periods - 1)}"` : "the first mark"}. These sites made them:`;
		who.replaceChildren(list);
		list.ready();
		lists[0] = list;
	}
	const button = (kind, text, what) => el("button", { "data-kind": kind, "aria-pressed": "false", onclick: () => ask(what) }, text);
	if (d.peak_bytes) pickers.append(button("peak", "at the peak", { kind: "peak" }));
	pickers.append(button("end", "at the snapshot", { kind: "end" }));
	const select = el(
		"button",
		{
			hidden: true,
			onclick: () => {
				keep("span", `${stretch[0]}-${stretch[1]}`);
				dispatchEvent(new HashChangeEvent("hashchange"));
			},
		},
		"select this span",
	);

	const f = (key, label, format) => ({ name: key, label, class: "number", text: (m) => format(m[key]), sort: (m) => m[key] });
	const list = table({
		id: "mark",
		rows: () => marks,
		sort: "elapsed_ns",
		key: (m) => String(marks.indexOf(m)),
		search: searchTexts((m) => `${m.name} ${m.kind}`),
		columns: [
			f("elapsed_ns", "after", duration),
			f("live_bytes", "live", bytes),
			f("live_blocks", "blocks", count),
			{ name: "kind", label: "kind", text: (m) => m.kind, sort: (m) => m.kind },
			{ name: "name", label: "mark", width: "minmax(8em,1fr)", text: (m) => m.name || "(without a name)", sort: (m) => m.name },
		],
		detail: (m) => {
			const k = marks.indexOf(m);
			return d.thread_row
				? el(
						"p",
						{},
						el("button", { onclick: () => ask({ kind: "moment", ns: m.elapsed_ns, periods: k + 1 }) }, "who held memory then"),
						" ",
						el(
							"button",
							{
								"data-span": `${k + 1}-${marks.length + 1}`,
								onclick: (e) => {
									keep("span", e.target.dataset.span);
									dispatchEvent(new HashChangeEvent("hashchange"));
								},
							},
							"show only blocks born after it in all views",
						),
					)
				: el("p", { class: "dim" }, "The snapshot has no list of blocks, so it does not know which of them are older.");
		},
	});
	lists[1] = list;

	function drawMarks(u) {
		const c = u.ctx;
		c.save();
		c.strokeStyle = c.fillStyle = css("--accent");
		c.setLineDash([4, 4]);
		c.textAlign = "left";
		c.font = `${11 * devicePixelRatio}px system-ui`;
		let end = -Infinity;
		const peak = d.info.snapshot.peak_elapsed_ns ? [{ peak: true, elapsed_ns: d.info.snapshot.peak_elapsed_ns, name: `peak ${bytes(head.process_peak_bytes)}` }] : [];
		for (const m of [...marks, ...peak].sort((a, b) => a.elapsed_ns - b.elapsed_ns)) {
			const x = u.valToPos(m.elapsed_ns / 1e9, "x", true);
			if (x < u.bbox.left || x > u.bbox.left + u.bbox.width) continue;
			c.beginPath();
			c.moveTo(x, u.bbox.top);
			c.lineTo(x, u.bbox.top + u.bbox.height);
			c.stroke();
			const text = m.name || m.kind;
			const wide = c.measureText(text).width,
				left = x + 4 + wide > u.bbox.left + u.bbox.width,
				from = left ? x - 4 - wide : x + 4;
			// Names that would lie on each other are in the table below.
			if (from > end || m.peak) {
				if (from <= end) c.clearRect(from - 4, u.bbox.top, x - from, 16 * devicePixelRatio);
				c.fillText(text, from, u.bbox.top + 12 * devicePixelRatio);
				end = from + wide + 8;
			}
		}
		c.restore();
	}
	const plots = [];
	function plot() {
		const [time, live, rss, blocks, own] = series();
		const hasBlocks = blocks.some((n) => n),
			hasPrivate = own.some((n) => n);
		const axis = { stroke: css("--dim"), grid: { width: 1, stroke: css("--line") }, ticks: { stroke: css("--line") } };
		const bytesAxis = { ...axis, size: 80, incrs: Array.from({ length: 52 }, (_, i) => 2 ** i), values: (_, ticks) => ticks.map((t) => bytes(t)) };
		const upTo = (l, format) => `up to ${format(l.reduce((a, b) => Math.max(a, b ?? 0), 0))}`;
		const line = (label, l, stroke, more) => ({ label, stroke, width: 2, spanGaps: true, value: (_, v) => (v == null ? upTo(l, bytes) : bytes(v)), ...more });
		const peakAt = time.indexOf(d.info.snapshot.peak_elapsed_ns / 1e9);
		const common = {
			width: Math.max(300, top.clientWidth || 1000),
			cursor: { sync: { key: "time" }, drag: { x: true, y: false } },
			hooks: {
				draw: [drawMarks],
				setScale: [
					(u, key) => {
						if (key !== "x") return;
						for (const other of plots)
							if (other !== u && (other.scales.x.min !== u.scales.x.min || other.scales.x.max !== u.scales.x.max))
								other.setScale("x", { min: u.scales.x.min, max: u.scales.x.max });
						zoomed(u);
					},
				],
				ready: [
					(u) =>
						u.over.addEventListener("click", (e) => {
							if (!u.select.width) ask(moment(u.posToVal(e.offsetX, "x") * 1e9));
						}),
				],
			},
		};
		const timeAxis = { ...axis, values: (_, ticks) => ticks.map((t) => duration(t * 1e9)) };
		const timeSeries = { label: "time", value: (_, v) => (v == null ? duration(head.elapsed_ns) : duration(v * 1e9)) };
		const blue = dark() ? "#6db3ff" : "#1766c2",
			green = dark() ? "#8fd694" : "#2f7d32",
			orange = dark() ? "#ffb454" : "#c2620a";
		top.replaceChildren();
		bottom.replaceChildren();
		plots.length = 0;
		plots.push(
			new uPlot(
				{
					...common,
					height: 280,
					scales: { x: { time: false }, y: { range: (_, __, max) => [0, max * 1.06 || 1] }, blocks: { range: (_, __, max) => [0, max * 1.06 || 1] } },
					series: [
						timeSeries,
						line("live", live, blue, {
							fill: `${blue}22`,
							// Only the peak is a dot.
							points: { show: peakAt >= 0, size: 9, fill: blue, filter: () => (peakAt >= 0 ? [peakAt] : null) },
						}),
						...(hasBlocks ? [line("blocks", blocks, green, { scale: "blocks", width: 1, points: { show: false }, value: (_, v) => (v == null ? upTo(blocks, count) : count(v)) })] : []),
					],
					axes: [timeAxis, bytesAxis, ...(hasBlocks ? [{ ...axis, scale: "blocks", side: 1, size: 80, grid: { show: false }, values: (_, ticks) => ticks.map((t) => count(t)) }] : [])],
				},
				hasBlocks ? [time, live, blocks] : [time, live],
				top,
			),
		);
		if (rss.some((v) => v))
			plots.push(
				new uPlot(
					{
						...common,
						height: 200,
						scales: { x: { time: false }, y: { range: (_, __, max) => [0, max * 1.06 || 1] } },
						series: [
							timeSeries,
							line("RSS", rss, orange, { points: { show: false } }),
							...(hasPrivate ? [line("private", own, green, { width: 1, points: { show: false } })] : []),
							line("live", live, blue, { fill: `${blue}22`, points: { show: false } }),
						],
						axes: [timeAxis, bytesAxis, ...(hasBlocks ? [{ ...axis, side: 1, size: 80, show: true, grid: { show: false }, values: () => [] }] : [])],
					},
					hasPrivate ? [time, rss, own, live] : [time, rss, live],
					bottom,
				),
			);
		else bottom.append(el("p", { class: "dim" }, "Resident memory was not recorded."));
	}
	// What is zoomed to can be selected for all views, by whole periods.
	function zoomed(u) {
		const { min, max } = u.scales.x,
			whole = min <= u.data[0][0] && max >= u.data[0].at(-1);
		if (!d.thread_row || !marks.length || whole) {
			select.hidden = true;
			return;
		}
		stretch = periodsOf(min * 1e9, max * 1e9);
		select.hidden = false;
		select.textContent = `show only blocks born between ${stretch[0] ? markName(stretch[0] - 1) : "the start"} and ${markName(stretch[1] - 1)} in all views`;
	}
	const root = el(
		"div",
		{},
		el("h3", {}, "Live memory of the program"),
		top,
		el("h3", {}, "Resident memory (RSS), and how much of it is live"),
		bottom,
		d.time_private_bytes?.some((n) => n)
			? el("p", { class: "dim" }, "Private is resident memory without files and shared memory: heap, stacks and variables. What of it lies above live is free, or not of the heap.")
			: null,
		el("p", { class: "dim" }, "Drag to zoom, double-click to see all; a click asks who held memory at that moment. The peak is exact, other points are samples."),
		el("div", { class: "tools" }, select),
		el("h3", {}, "Who held memory"),
		pickers,
		whoLead,
		who,
		marks.length
			? [el("h3", {}, "Marks"), list]
			: el("p", { class: "dim" }, 'The run has no marks, so nothing is known of moments in between: tide_mark("name") in the program or run --every sets them.'),
	);
	root.ready = () => {
		plot();
		if (marks.length) list.ready();
		ask(d.peak_bytes ? { kind: "peak" } : { kind: "end" });
		onWidth(top, plot);
	};
	root.print = (on) => {
		for (const l of lists) if (l?.isConnected) l.print(on);
		for (const u of plots) u.setSize({ width: on ? Math.min(680, top.clientWidth) : top.clientWidth, height: u.height });
	};
	return root;
}
