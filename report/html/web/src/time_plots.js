// Plots over time, which share their scale of time: live bytes, resident memory, and live bytes by site.
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import { data, head } from "./data.js";
import { bytes, count, duration } from "./format.js";
import { dark } from "./dom.js";
import { historyLayers } from "./held.js";

const css = (name) => getComputedStyle(document.body).getPropertyValue(name);
const anyIn = (list) => list.some((n) => n);
const largest = (list) => list.reduce((a, b) => Math.max(a, b ?? 0), 0);

// The peak is an event of its own: no sample hits it.
function series() {
	const d = data(),
		peak = d.info.snapshot.peak_elapsed_ns,
		points = d.time_ns.map((t, i) => [t, d.time_live_bytes[i], d.time_rss_bytes[i] || null, d.time_live_blocks?.[i] ?? null, d.time_private_bytes?.[i] || null]);
	if (points.length && peak && head.process_peak_bytes) points.push([peak, head.process_peak_bytes, null, null, null]);
	points.sort((a, b) => a[0] - b[0]);
	return [0, 1, 2, 3, 4].map((k) => points.map((p) => (k ? p[k] : p[0] / 1e9)));
}

// Marks and the peak, as lines with their names.
function drawMarks(u) {
	const { info } = data(),
		c = u.ctx,
		used = [];
	c.save();
	c.strokeStyle = c.fillStyle = css("--accent");
	c.lineWidth = devicePixelRatio;
	c.setLineDash([4, 4]);
	c.textAlign = "left";
	c.font = `${11 * devicePixelRatio}px system-ui`;
	const peak = data().peak_bytes && info.snapshot.peak_elapsed_ns ? [{ elapsed_ns: info.snapshot.peak_elapsed_ns, name: `peak ${bytes(head.process_peak_bytes)}` }] : [];
	for (const m of [...peak, ...info.marks]) {
		const x = u.valToPos(m.elapsed_ns / 1e9, "x", true);
		if (x < u.bbox.left || x > u.bbox.left + u.bbox.width) continue;
		c.beginPath();
		c.moveTo(x, u.bbox.top);
		c.lineTo(x, u.bbox.top + u.bbox.height);
		c.stroke();
		const text = m.name || m.kind,
			wide = c.measureText(text).width,
			left = x + 4 + wide > u.bbox.left + u.bbox.width,
			from = left ? x - 4 - wide : x + 4;
		// The peak comes first; names that would lie on each other are in the table of marks.
		if (used.some(([a, b]) => from < b + 8 && from + wide > a - 8)) continue;
		c.fillText(text, from, u.bbox.top + 12 * devicePixelRatio);
		used.push([from, from + wide]);
	}
	c.restore();
}

// Draws into the boxes { live, resident, layers }; a click calls onMoment with nanoseconds, and a zoom onZoom with the
// ends of what is shown, or with null. Returns the plots, and how to draw them again.
export function timePlots(box, onMoment, onZoom) {
	const d = data(),
		plots = [];

	function shareZoom(u, key) {
		if (key !== "x") return;
		const { min, max } = u.scales.x,
			times = (plots[0] ?? u).data[0];
		for (const other of plots) if (other !== u && (other.scales.x.min !== min || other.scales.x.max !== max)) other.setScale("x", { min, max });
		onZoom(min <= times[0] && max >= times.at(-1) ? null : [min * 1e9, max * 1e9]);
	}
	function draw() {
		const [time, live, rss, blocks, own] = series(),
			hasBlocks = anyIn(blocks),
			hasPrivate = anyIn(own),
			peakAt = time.indexOf(d.info.snapshot.peak_elapsed_ns / 1e9),
			width = Math.max(300, box.layers.clientWidth || box.live.clientWidth || 1000);
		const axis = { stroke: css("--dim"), grid: { width: 1, stroke: css("--line") }, ticks: { stroke: css("--line") } },
			timeAxis = { ...axis, values: (_, ticks) => ticks.map((t) => duration(t * 1e9)) },
			bytesAxis = { ...axis, size: 80, incrs: Array.from({ length: 52 }, (_, i) => 2 ** i), values: (_, ticks) => ticks.map((t) => bytes(t)) },
			right = { ...axis, side: 1, size: 80, grid: { show: false } },
			blocksAxis = { ...right, scale: "blocks", values: (_, ticks) => ticks.map((t) => count(t)) },
			// Room at the right where the first plot has its scale of blocks.
			room = { ...right, ticks: { show: false }, values: () => [] };
		const fromZero = { range: (_, __, max) => [0, max * 1.06 || 1] },
			timeSeries = { label: "time", value: (_, v) => duration(v == null ? head.elapsed_ns : v * 1e9) },
			line = (label, list, stroke, more) => ({ label, stroke, width: 2, spanGaps: true, points: { show: false }, value: (_, v) => (v == null ? `up to ${bytes(largest(list))}` : bytes(v)), ...more });
		const blue = dark() ? "#6db3ff" : "#1766c2",
			green = dark() ? "#8fd694" : "#2f7d32",
			orange = dark() ? "#ffb454" : "#c2620a";
		const add = (where, height, lines, lists, more) => {
			const u = new uPlot(
				{
					width,
					height,
					cursor: { sync: { key: "time" }, drag: { x: true, y: false } },
					// Exactly what there is, or what is zoomed to.
					scales: { x: { time: false, range: (_, min, max) => [min, max] }, y: fromZero, blocks: fromZero },
					series: [timeSeries, ...lines],
					axes: [timeAxis, bytesAxis, ...(hasBlocks ? [room] : [])],
					hooks: {
						draw: [drawMarks],
						setScale: [shareZoom],
						ready: [(u) => u.over.addEventListener("click", (e) => !u.select.width && onMoment(u.posToVal(e.offsetX, "x") * 1e9))],
					},
					...more,
				},
				lists,
				where,
			);
			plots.push(u);
		};

		for (const b of Object.values(box)) b.replaceChildren();
		plots.length = 0;
		if (time.length) {
			// Only the peak is a dot.
			const lines = [line("live", live, blue, { fill: `${blue}22`, points: { show: peakAt >= 0, size: 9, fill: blue, filter: () => (peakAt >= 0 ? [peakAt] : null) } })];
			if (hasBlocks) lines.push(line("blocks", blocks, green, { scale: "blocks", width: 1, value: (_, v) => (v == null ? `up to ${count(largest(blocks))}` : count(v)) }));
			add(box.live, 280, lines, hasBlocks ? [time, live, blocks] : [time, live], hasBlocks ? { axes: [timeAxis, bytesAxis, blocksAxis] } : {});
		}
		if (anyIn(rss)) {
			const lines = [line("RSS", rss, orange), line("live", live, blue, { fill: `${blue}22` })],
				lists = [time, rss, live];
			if (hasPrivate) {
				lines.splice(1, 0, line("private", own, green, { width: 1 }));
				lists.splice(2, 0, own);
			}
			add(box.resident, 200, lines, lists);
		}
		if (d.history) {
			// Each layer is filled down to the axis, and the lower ones are drawn over it. What was held between two
			// snapshots is not known: the lines only lead from one to the next.
			const layers = historyLayers().reverse(),
				times = d.history.elapsed_ns.map((t) => t / 1e9),
				// Nothing is drawn there: the scale of time becomes that of the other plots.
				before = time.length && time[0] < times[0] ? [time[0]] : [],
				nothing = before.map(() => null);
			add(
				box.layers,
				280,
				layers.map((l) => ({
					label: l.label,
					stroke: l.colour,
					fill: l.colour,
					width: 1,
					points: { show: true, size: 5, fill: l.colour },
					value: (_, v, __, i) => (v == null ? `up to ${bytes(largest(l.bytes))}` : bytes(l.bytes[i - before.length])),
				})),
				[[...before, ...times], ...layers.map((l) => [...nothing, ...l.top])],
			);
		}
	}
	return { plots, draw };
}
