// Where resident memory is: the parts as one bar, what keeps free memory, and a map of the heaps.
import { data } from "./data.js";
import { bytes, count, many, share } from "./format.js";
import { placeText } from "./names.js";
import { dark, el, go, keep, state } from "./dom.js";
import { matchedRows, searchTexts } from "./match.js";
import { placeColumn, rowLink, stackList } from "./sites.js";
import { addressesOf, cellAt, cellsOf, fill, stepTo, stripsOf } from "./heap_map.js";
import { table } from "./table.js";

// What a part is, for those who do not know malloc; [light, dark] colours.
const PARTS = {
	live: ["#2e7d46", "#4fb06d", "bytes that the program asked for"],
	slack: ["#e0b040", "#c99a2e", "malloc rounds sizes up; large numbers mean unlucky sizes"],
	untouched: ["#dfe5ea", "#3b4148", "pages of live blocks that were never written: they cost no memory"],
	free_pinned: ["#c8443a", "#d9635a", "freed, but live blocks lie on each of its pages or behind it"],
	free_returnable: ["#e8853a", "#d97b35", "freed; malloc_trim(0) would give it back"],
	allocator: ["#8892a0", "#707a88", "headers, caches and tables of malloc"],
	stacks: ["#4a78c2", "#5d8bd6", "stacks of threads"],
	tls: ["#7aa0d8", "#86a9de", "thread-local variables"],
	globals: ["#5fa8b8", "#4f98a8", "variables of the program and its libraries"],
	files: ["#9a86c4", "#8f7cb8", "code and constants of the program and its libraries, mapped files"],
	shared: ["#b86fae", "#a8609e", "memory shared with other processes"],
	mappings: ["#b09a7c", "#9a8668", "memory that the program mapped itself"],
	profiler: ["#c9ced4", "#4a5058", "profiler overhead: gone without tidemark"],
	unknown: ["#000", "#fff", "could not be determined"],
};
const colour = (part) => PARTS[part]?.[dark() ? 1 : 0] ?? "#888";

function bar(m) {
	let left = 0;
	const pieces = m.parts
		.filter((p) => p[2])
		.map(([name, words, resident]) => {
			const part = (100 * resident) / m.resident,
				wide = part > 7;
			left += part;
			return el(
				"div",
				{
					class: "piece",
					"data-part": name,
					style: `flex:${resident} 0 0px;background:${colour(name)}`,
					title: `${bytes(resident)} (${share(resident, m.resident)})  ${words}`,
				},
				wide ? el("span", {}, words) : null,
			);
		});
	return el(
		"div",
		{
			class: "parts-bar",
			role: "img",
			"aria-label": `${bytes(m.resident)} resident: ${m.parts
				.filter((p) => p[2])
				.map((p) => `${p[1]} ${share(p[2], m.resident)}`)
				.join(", ")}`,
		},
		pieces,
	);
}

function partsTable(m) {
	const swapped = m.parts.some((p) => p[3]);
	return el(
		"div",
		{ class: "wide" },
		el(
			"table",
			{ class: "plain parts" },
			el(
				"thead",
				{},
				el(
					"tr",
					{},
					el("th", {}, "part"),
					el("th", { class: "number" }, "resident"),
					el("th", { class: "number" }, "share"),
					swapped ? el("th", { class: "number" }, "in swap") : null,
					el("th", { class: "number" }, "addresses"),
				),
			),
			el(
				"tbody",
				{},
				m.parts
					.filter((p) => p[2] || p[3] || (p[0] === "untouched" && p[4]))
					.map(([name, words, resident, swap, addresses]) =>
						el(
							"tr",
							{ "data-part": name, "data-bytes": resident, title: PARTS[name]?.[2] },
							el("td", {}, el("i", { class: "swatch", style: `background:${colour(name)}` }), ` ${words}`),
							el("td", { class: "number" }, bytes(resident)),
							el("td", { class: "number" }, share(resident, m.resident)),
							swapped ? el("td", { class: "number" }, swap ? bytes(swap) : "") : null,
							el("td", { class: "number dim" }, bytes(addresses)),
						),
					),
			),
			el(
				"tfoot",
				{},
				el(
					"tr",
					{ "data-part": "all", "data-bytes": m.resident },
					el("th", {}, "resident set size"),
					el("th", { class: "number" }, bytes(m.resident)),
					el("th", { class: "number" }, m.resident ? "100 %" : ""),
					swapped ? el("th", { class: "number" }, bytes(m.swapped)) : null,
					el("th", { class: "number" }, bytes(m.virtual)),
				),
			),
		),
	);
}

function causes(m) {
	return el(
		"section",
		{ class: "causes" },
		el("h2", {}, "What keeps memory"),
		m.causes.length
			? el(
					"ol",
					{},
					m.causes.map(([, what, advice]) =>
						el("li", {}, el("b", {}, what), el("p", {}, `What to do: ${advice}.`)),
					),
				)
			: m.unseen
				? null
				: el("p", {}, "Nothing stands out: no free memory, slack or cache is large enough to act on."),
		m.core ? el("p", {}, "A core does not tell what was resident: what is in it counts, in memory or in swap; files and shared memory are left out.") : null,
		m.unseen ? el("p", {}, `Blocks of ${m.unseen} are not seen: its memory, in use or free, is part of other mappings.`) : null,
		m.walked
			? el("p", { class: "dim" }, "The process was not preloaded: sizes are usable bytes, and slack is not known.")
			: null,
	);
}

// --- the map -----------------------------------------------------------------------

const CELL = 9,
	GAP = 1;
// From empty to full; memory that is not resident has no colour of its own.
function cellColour(live, resident, size) {
	if (!resident) return dark() ? "#24272b" : "#eef0f2";
	const x = fill(live, resident, size);
	return dark() ? `hsl(${8 + 127 * x} ${60 - 18 * x}% ${46 - 8 * x}%)` : `hsl(${8 + 127 * x} ${70 - 25 * x}% ${62 - 18 * x}%)`;
}
const siteColour = (row) => (row === undefined ? (dark() ? "#3a3d42" : "#d5d9dd") : `hsl(${(row * 137.5) % 360} 55% ${dark() ? 45 : 62}%)`);
const emptyColour = () => (dark() ? "#24272b" : "#eef0f2");

function heapMap(m) {
	const { map } = m,
		n = map.live.length;
	if (!n) return el("p", { class: "empty" }, "There is no heap of malloc in this process that can be drawn.");
	let bySite = state.get("map") === "site",
		chosen = -1;
	const lines = [],
		told = el("p", { class: "map-told", role: "status" }, "Point at a cell, or press the arrow keys, to see what is on its pages.");
	const drawn = stripsOf(map),
		addressOf = addressesOf(drawn, map.cell);
	const title = (s) =>
		s.arena < 0
			? m.python || data().types?.python
				? "Python's arenas for small objects"
				: "another allocator"
			: m.arenas[s.arena]?.main
				? "main arena"
				: `arena ${s.arena}${m.arenas[s.arena]?.threads.length ? ` (${[...new Set(m.arenas[s.arena].threads)].slice(0, 3).join(", ")})` : ""}`;

	function tell(i) {
		chosen = i;
		for (const l of lines) l.draw();
		const sites = map.sites[i] ?? [],
			live = map.live[i],
			resident = map.resident[i];
		told.replaceChildren(el("span", {},
			`0x${(addressOf.get(i) ?? 0n).toString(16)}: ${bytes(map.cell)}, ${bytes(resident)} resident, ${bytes(live)} live in ${many(map.blocks[i], "block")}. `,
			sites.length
				? [
						`${resident > live ? "Held by " : "Most by "}`,
						sites.map((r, k) => [k ? ", " : "", rowLink(r)]),
						".",
					]
				: resident
					? "No live block is on these pages."
					: "",
		));
		told.dataset.cell = i;
	}
	function strip(s) {
		const cells = cellsOf(s);
		const canvas = el("canvas", {
			tabindex: 0,
			role: "img",
			"aria-label": `map of ${title(s)}: ${count(cells.length)} cells of ${bytes(map.cell)}, ${share(
				cells.reduce((a, i) => a + map.live[i], 0),
				cells.reduce((a, i) => a + map.resident[i], 0),
			)} of the resident bytes are live`,
		});
		let across = 100;
		const line = {
			canvas,
			size() {
				const width = Math.max(200, box.clientWidth || 1000);
				across = Math.max(10, Math.floor(width / (CELL + GAP)));
				const rows = Math.ceil(cells.length / across),
					scale = devicePixelRatio || 1;
				canvas.width = Math.min(cells.length, across) * (CELL + GAP) * scale;
				canvas.height = rows * (CELL + GAP) * scale;
				canvas.style.width = `${canvas.width / scale}px`;
				canvas.style.height = `${canvas.height / scale}px`;
				line.draw();
			},
			draw() {
				const c = canvas.getContext("2d"),
					scale = devicePixelRatio || 1;
				c.setTransform(scale, 0, 0, scale, 0, 0);
				c.clearRect(0, 0, canvas.width, canvas.height);
				cells.forEach((i, k) => {
					const x = (k % across) * (CELL + GAP),
						y = Math.floor(k / across) * (CELL + GAP);
					c.fillStyle = bySite
						? map.resident[i]
							? siteColour(map.sites[i]?.[0])
							: emptyColour()
						: cellColour(map.live[i], map.resident[i], map.cell);
					c.fillRect(x, y, CELL, CELL);
					if (i === chosen) {
						c.strokeStyle = dark() ? "#fff" : "#000";
						c.lineWidth = 2;
						c.strokeRect(x, y, CELL, CELL);
					}
				});
			},
		};
		const under = (e) => cellAt(cells, across, CELL + GAP, e.offsetX, e.offsetY);
		canvas.addEventListener("mousemove", (e) => {
			const i = under(e);
			if (i !== undefined && i !== chosen) tell(i);
		});
		canvas.addEventListener("click", (e) => {
			const i = under(e),
				row = map.sites[i]?.[0];
			if (row !== undefined) go("sites", { row });
		});
		canvas.addEventListener("keydown", (e) => {
			const to = stepTo(cells, chosen, across, e.key);
			if (e.key === "Enter" && map.sites[chosen]?.length) go("sites", { row: map.sites[chosen][0] });
			else if (to === undefined) return;
			else tell(to);
			e.preventDefault();
			e.stopPropagation();
		});
		lines.push(line);
		return el("div", { class: "strip" }, el("h3", {}, title(s), el("span", { class: "dim" }, ` ${bytes(s.bytes)}`)), canvas);
	}
	const SHOWN = 12;
	const box = el("div", {}, drawn.slice(0, SHOWN).map(strip));
	const pick = el(
		"button",
		{
			"aria-pressed": String(bySite),
			title: "colour each cell by the site that has most bytes in it",
			onclick: () => {
				bySite = !bySite;
				keep("map", bySite ? "site" : null);
				pick.setAttribute("aria-pressed", String(bySite));
				legend();
				for (const l of lines) l.draw();
			},
		},
		"colour by site",
	);
	const key = el("span", { class: "legend" });
	const swatch = (c, text) => el("span", {}, el("i", { class: "swatch", style: `background:${c}` }), ` ${text} `);
	function legend() {
		key.replaceChildren(
			...(bySite
				? [swatch(siteColour(undefined), "no live block"), swatch(emptyColour(), "not resident")]
				: [
						swatch(cellColour(0, 1, 1), "resident, nothing live"),
						swatch(cellColour(0.5, 1, 1), "half"),
						swatch(cellColour(1, 1, 1), "all live"),
						swatch(emptyColour(), "not resident"),
					]),
		);
	}
	legend();
	const root = el(
		"section",
		{ class: "map" },
		el("h2", {}, "Map of the heaps"),
		el("p", { class: "dim" }, `Each cell is ${bytes(map.cell)} of addresses. A click opens the site that has most bytes in it.`),
		el("div", { class: "tools" }, pick, key),
		told,
		box,
		drawn.length > SHOWN ? el("p", { class: "dim" }, `${many(drawn.length - SHOWN, "smaller arena")} not drawn; the table below lists them.`) : null,
	);
	root.ready = () => {
		let width = -1;
		const draw = () => {
			if (box.clientWidth === width) return;
			width = box.clientWidth;
			for (const l of lines) l.size();
		};
		draw();
		new ResizeObserver(draw).observe(box);
	};
	return root;
}

// --- tables ------------------------------------------------------------------------

const number = (name, label, get, format, title) => ({
	name,
	label,
	title,
	class: "number",
	width: "8.5em",
	text: (r) => format(get(r)),
	sort: get,
});
function siteTable(id, title, t, columns, empty) {
	if (!t.rows.length) return el("section", {}, el("h2", {}, title), el("p", { class: "dim" }, empty));
	const list = table({
		id,
		rows: () => t.rows,
		sort: columns[0].name,
		key: (r) => String(r[0]),
		search: (match) => {
			const hit = matchedRows(match);
			return (r) => hit[r[0]];
		},
		columns: [
			...columns,
			number("blocks", "blocks", (r) => r[1], count),
			number("bytes", "live", (r) => r[2], bytes),
			{ name: "oldest", label: "since", text: (r) => r[3], sort: (r) => r[3], title: "the last mark before the oldest of these blocks was made" },
			placeColumn((r) => r[0]),
		],
		said: (rows) => `${many(rows.length, "site")}${t.all > t.rows.length ? `, the largest of ${count(t.all)}` : ""}`,
		detail: (r) => el("section", {}, el("p", {}, rowLink(r[0], "Show this site in the table of sites")), stackList(r[0])),
	});
	const root = el("section", { "data-table": id }, el("h2", {}, title), list);
	root.list = list;
	return root;
}

function duplicates(m) {
	const t = m.duplicates,
		title = "Blocks of equal content";
	if (!t.rows.length)
		return el("section", {}, el("h2", {}, title), el("p", { class: "dim" }, "No two blocks of a size worth mention have the same content."));
	const rows = t.rows.map((r, i) => ({ r, i }));
	const list = table({
		id: "dup",
		rows: () => rows,
		sort: "wasted",
		key: (x) => String(x.i),
		search: searchTexts((x) => x.r[0].map(placeText).join(" ")),
		columns: [
			number("wasted", "wasted", (x) => x.r[3], bytes, "all copies but one"),
			number("copies", "copies", (x) => x.r[1], count),
			number("block", "of", (x) => x.r[2], bytes),
			placeColumn((x) => x.r[0][0]),
		],
		said: (all) =>
			`${many(all.length, "content")}${t.all > rows.length ? `, the largest of ${count(t.all)}` : ""}; ${bytes(t.wasted)} in all copies but one of each`,
		detail: (x) =>
			el(
				"section",
				{},
				x.r[0].length > 1 ? el("p", {}, `Made by ${many(x.r[0].length, "site")}:`) : null,
				x.r[0].map((row) => [el("p", {}, rowLink(row)), stackList(row)]),
			),
	});
	const root = el("section", { "data-table": "dup" }, el("h2", {}, title), list);
	root.list = list;
	return root;
}

// Rows of [row, blocks, ..., text]: a table of what lies where, with a text of its own.
function textTable(id, title, t, columns, text, said, empty) {
	if (!t.rows.length) return el("section", {}, el("h2", {}, title), el("p", { class: "dim" }, empty));
	const rows = t.rows.map((r, i) => ({ r, i }));
	const list = table({
		id,
		rows: () => rows,
		sort: columns[0].name,
		key: (x) => String(x.i),
		search: searchTexts((x) => `${x.r[4]} ${placeText(x.r[0])}`),
		columns: [
			...columns,
			number("blocks", "blocks", (x) => x.r[1], count),
			{ name: "what", label: text, text: (x) => x.r[4], sort: (x) => x.r[4] },
			placeColumn((x) => x.r[0]),
		],
		said: (all) => `${many(all.length, "row")}${t.all > rows.length ? `, the largest of ${count(t.all)}` : ""}${said}`,
		detail: (x) => el("section", {}, el("p", {}, rowLink(x.r[0], "Show this site in the table of sites")), stackList(x.r[0])),
	});
	const root = el("section", { "data-table": id }, el("h2", {}, title), list);
	root.list = list;
	return root;
}

const oversized = (m) =>
	textTable(
		"spare",
		"Capacity that containers do not use",
		m.oversized,
		[
			number("spare", "not used", (x) => x.r[2] - x.r[3], bytes, "what shrinking to the size would give back"),
			number("capacity", "capacity", (x) => x.r[2], bytes),
		],
		"container",
		`; ${bytes(m.oversized.wasted)} together`,
		"No container that is known as such has room to spare.",
	);

// Python's small objects: how full its arenas are, and who keeps the emptier ones.
function pools(m) {
	if (!m.pools) return null;
	const steps = m.pools.steps.map(([arenas, all, used], i, list) =>
		arenas
			? el(
					"li",
					{},
					`${(100 * i) / list.length} to ${(100 * (i + 1)) / list.length} % full: ${bytes(all)} in ${many(arenas, "arena")}, ${bytes(used)} of it used`,
				)
			: null,
	);
	const root = textTable(
		"pool",
		"What keeps Python's arenas for small objects",
		m.pools,
		[
			number("free", "free there", (x) => x.r[3], bytes, "in arenas that are less than half full; it counts for each row that lies there"),
			number("arenas", "arenas", (x) => x.r[2], count),
		],
		"type",
		" in arenas that are less than half full",
		"No arena is less than half full.",
	);
	root.insertBefore(el("ul", { class: "dim steps" }, steps), root.children[1]);
	return root;
}

function arenas(m) {
	if (!m.arenas.length) return null;
	const list = table({
		id: "arena",
		rows: () => m.arenas,
		sort: "free_resident",
		key: (a) => String(a.arena),
		search: searchTexts((a) => a.threads.join(" ")),
		columns: [
			number("bytes", "has", (a) => a.bytes, bytes, "bytes that it has from the system"),
			number("live", "live", (a) => a.live, bytes),
			number("free_resident", "free", (a) => a.free_resident, bytes, "free and resident"),
			number("returnable", "returnable", (a) => a.returnable, bytes, "that malloc_trim(0) would give back"),
			number("top", "top", (a) => a.top, bytes, "free at its end"),
			{
				name: "threads",
				label: "arena and threads",
				width: "minmax(10em,1fr)",
				text: (a) => `${a.main ? "main" : `#${a.arena}`}: ${[...new Set(a.threads)].join(", ") || "no thread now"}`,
				sort: (a) => a.arena,
			},
		],
		detail: (a) =>
			a.stopped_by === undefined
				? el("p", { class: "dim" }, "Nothing lies before its free end.")
				: el("section", {}, el("p", {}, "The last live block before its free end was allocated by ", rowLink(a.stopped_by)), stackList(a.stopped_by)),
	});
	const root = el("section", { "data-table": "arena" }, el("h2", {}, "Arenas of malloc"), list);
	root.list = list;
	return root;
}

export function memory() {
	const m = data().memory;
	if (m.why)
		return el("p", { class: "empty" }, `Where the resident memory is cannot be said: ${m.why}. A snapshot with references knows it.`);
	const live = m.parts.find((p) => p[0] === "live")[2],
		pinned = m.parts.find((p) => p[0] === "free_pinned")[2],
		back = m.parts.find((p) => p[0] === "free_returnable")[2];
	const map = heapMap(m);
	const tables = [
		siteTable(
			"pin",
			"Blocks that keep free memory from going back",
			m.pins,
			[
				number("pinned", "would free", (r) => r[4] + r[6], bytes, "that malloc_trim(0) could give back in addition if the blocks of this row alone were freed"),
				number("free", "of it free", (r) => r[5] + r[6], bytes, "free memory now"),
			],
			"No site keeps more than a page of free memory from going back.",
		),
		siteTable(
			"slack",
			"Slack: usable bytes above what was asked for",
			m.slack,
			[number("slack", "slack", (r) => r[4], bytes)],
			m.walked ? "Slack is known only for programs that ran under tidemark." : "No block has slack.",
		),
		siteTable(
			"untouched",
			"Pages of live blocks that were never touched",
			m.untouched,
			[number("untouched", "unused", (r) => r[4], bytes), number("in", "in blocks", (r) => r[5], count)],
			"Every whole page of every live block was touched.",
		),
		duplicates(m),
		oversized(m),
		pools(m),
		arenas(m),
	].filter(Boolean);
	const root = el(
		"div",
		{ class: "memory" },
		el(
			"p",
			{ class: "lead" },
			`${bytes(m.resident)} are resident${m.swapped ? `, and ${bytes(m.swapped)} in swap` : ""}: ${share(live, m.resident)} is live memory of the program's allocations; `,
			`${bytes(pinned)} are free and pinned, ${bytes(back)} could go back now.`,
		),
		bar(m),
		el("div", { class: "columns memory-columns" }, partsTable(m), causes(m)),
		map,
		tables,
	);
	root.ready = () => {
		map.ready?.();
		for (const t of tables) t.list?.ready();
	};
	root.print = (on) => {
		for (const t of tables) t.list?.print(on);
	};
	return root;
}
