// Root leaks and root cycles: a table; below it the tree of the one chosen, and its ring as a graph.
import { data, head, measures } from "./data.js";
import { bytes, count, many } from "./format.js";
import { place, placeText, short, typeOf, where } from "./names.js";
import { el, keep, state, svg } from "./dom.js";
import { groupKey, groupLabel, groupPick } from "./groups.js";
import { sourceOf } from "./source.js";
import { errors } from "./errors.js";
import { placeColumn, stackList } from "./sites.js";
import { searchTexts } from "./match.js";
import { referrers } from "./referrers.js";
import { command } from "./command.js";
import { table } from "./table.js";

const KINDS = ["unreferenced", "cycle", "indirect", "possible", "reachable"];

const fieldName = (offset, field) => (field < 0 ? `+${offset}` : data().text[field]);
// Of an arrow, whose block has the name of its class beside it: "next_" of "net::Session::next_".
const memberName = (offset, field) => fieldName(offset, field).replace(/^.*::(?=[^:<>()]*$)/, "");

function tree(g) {
	const item = ([kind, depth, offset, row, blocks, size, field]) => {
		const at = kind === 3 ? null : el("code", {}, fieldName(offset, field));
		const text =
			kind === 0
				? [
						` → ${blocks > 1 ? `${count(blocks)} × ` : ""}`,
						typeOf(row) ? [el("span", { class: "type" }, short(typeOf(row))), " "] : null,
						el("b", {}, placeText(row)),
						` ${bytes(size)}`,
					]
				: kind === 1 || kind === 4
					? [
							` ↺ back to ${kind === 4 ? "others of " : ""}`,
							el("b", {}, placeText(row)),
						]
					: kind === 2
						? [" → the next of these"]
						: ["…  more, not shown"];
		return el(
			"li",
			{
				style: `margin-left:${(depth - 1) * 1.4}em`,
				class: kind === 1 || kind === 4 ? "back" : kind > 1 ? "dim" : null,
			},
			at,
			text,
		);
	};
	return el(
		"ul",
		{ class: "tree" },
		el("li", {}, el("b", {}, placeText(g.row))),
		g.tree.map(item),
		g.left_out
			? el("li", { class: "dim" }, `${count(g.left_out)} more lines: tidemark leaks --tree`)
			: null,
	);
}

// Blocks on a circle, a curve for each pair of blocks that refer to each other, with the names or offsets of the fields.
export function ring(r) {
	const n = r.blocks.length,
		radius = Math.max(90, n * 17),
		cx = radius + 190,
		cy = radius + 50;
	// Along the references, depth first: what follows each other stands side by side.
	const next = r.blocks.map(() => []),
		seat = new Map(),
		todo = [0];
	for (const [from, to] of [...r.words].sort((a, b) => b[2] - a[2])) next[from].push(to);
	while (todo.length) {
		const i = todo.pop();
		if (seat.has(i)) continue;
		seat.set(i, seat.size);
		todo.push(...next[i]);
	}
	r.blocks.forEach((_, i) => {
		if (!seat.has(i)) seat.set(i, seat.size);
	});
	const at = (i) => [
		cx + radius * Math.sin((2 * Math.PI * seat.get(i)) / n),
		cy - radius * Math.cos((2 * Math.PI * seat.get(i)) / n),
	];
	const pairs = new Map();
	for (const [from, to, offset, inside, field] of r.words) {
		const key = `${from} ${to}`,
			text = `${memberName(offset, field)}${inside ? ` → +${inside}` : ""}`;
		pairs.set(key, [...(pairs.get(key) ?? []), text]);
	}
	const s = svg(
		"svg",
		{
			viewBox: `0 0 ${2 * cx} ${2 * cy}`,
			class: "ring",
			role: "img",
			style: `max-width:${2 * cx}px`,
			"aria-label": `ring of ${r.size} blocks`,
		},
		svg(
			"defs",
			{},
			svg(
				"marker",
				{
					id: "arrow",
					viewBox: "0 0 10 10",
					refX: 9,
					refY: 5,
					markerWidth: 7,
					markerHeight: 7,
					orient: "auto",
				},
				svg("path", { d: "M0 0L10 5L0 10z" }),
			),
		),
	);
	for (const [key, offsets] of pairs) {
		const [from, to] = key.split(" ").map(Number),
			[x1, y1] = at(from),
			[x2, y2] = at(to);
		let path,
			lx,
			ly,
			anchor = "middle";
		if (from === to) {
			const ox = (x1 - cx) / radius,
				oy = (y1 - cy) / radius;
			path = `M${x1 - 8} ${y1}C${x1 + ox * 60 - 40} ${y1 + oy * 60} ${x1 + ox * 60 + 40} ${y1 + oy * 60} ${x1 + 8} ${y1}`;
			[lx, ly] = [x1 + ox * 50, y1 + oy * 50];
		} else {
			// Bowed to one side: the way back has its own curve. Ends before the circles.
			const dx = x2 - x1,
				dy = y2 - y1,
				length = Math.hypot(dx, dy) || 1,
				bow = Math.min(40, length / 5);
			const mx = (x1 + x2) / 2 - (dy / length) * bow,
				my = (y1 + y2) / 2 + (dx / length) * bow;
			const cut = (x, y) => {
				const l = Math.hypot(mx - x, my - y) || 1;
				return [x + ((mx - x) / l) * 13, y + ((my - y) / l) * 13];
			};
			const [ax, ay] = cut(x1, y1),
				[bx, by] = cut(x2, y2);
			path = `M${ax} ${ay}Q${mx} ${my} ${bx} ${by}`;
			// The label stands outside of its bow: the way back has one, too.
			const out = [-dy / length, dx / length];
			[lx, ly] = [
				(x1 + 2 * mx + x2) / 4 + out[0] * 6,
				(y1 + 2 * my + y2) / 4 + out[1] * 8 + 4,
			];
			anchor = out[0] > 0.3 ? "start" : out[0] < -0.3 ? "end" : "middle";
		}
		s.append(
			svg("path", { d: path, class: "word", "marker-end": "url(#arrow)" }),
			svg(
				"text",
				{ x: lx, y: ly, class: "offset", "text-anchor": anchor },
				offsets.slice(0, 3).join(", ") + (offsets.length > 3 ? " …" : ""),
			),
		);
	}
	r.blocks.forEach(([row, size, address], i) => {
		const [x, y] = at(i),
			l = place(row),
			right = x > cx + 1,
			middle = Math.abs(x - cx) <= 1;
		s.append(
			svg(
				"circle",
				{ cx: x, cy: y, r: 10, class: i ? "block" : "block first" },
				svg("title", {}, `${address}, ${size} bytes, ${l.function} ${where(l)}`),
			),
			svg(
				"text",
				{
					x: middle ? x : x + (right ? 16 : -16),
					y: middle ? (y < cy ? y - 18 : y + 26) : y + 4,
					"text-anchor": middle ? "middle" : right ? "start" : "end",
					class: "name",
				},
				`${short(typeOf(row) || l.function).slice(0, 24)} ${bytes(size)}`,
			),
		);
	});
	return el(
		"figure",
		{},
		s,
		el(
			"figcaption",
			{ class: "dim" },
			n < r.size
				? `${n} of ${count(r.size)} blocks of the ring are drawn. `
				: `A ring of ${count(r.size)} blocks. `,
			"On the arrows: the field that holds the reference, by its offset in bytes where its name is not known; after an arrow, how far into the block it points. The filled block is the head.",
			r.left_out ? ` ${count(r.left_out)} more references between them are not drawn.` : "",
		),
	);
}

function records() {
	const rows = data().lost_records;
	const f = (name, label, i, format) => ({
		name,
		label,
		class: "number",
		text: (r) => format(r[i]),
		sort: (r) => r[i],
	});
	return table({
		rows: () => rows,
		sort: "bytes",
		empty: "Nothing is lost.",
		key: (r) => `${r[0]}.${r[1]}`,
		search: searchTexts((r) => `${KINDS[r[0]]} ${typeOf(r[1])} ${placeText(r[1])}`),
		columns: [
			{
				name: "kind",
				label: "kind",
				width: "8em",
				text: (r) => KINDS[r[0]],
				sort: (r) => KINDS[r[0]],
			},
			f("bytes", "bytes", 3, bytes),
			f("blocks", "blocks", 2, count),
			f("retained", "retained", 5, bytes),
			placeColumn((r) => r[1]),
		],
		detail: (r) => stackList(r[1]),
	});
}

// Sums of leaks that have a function, file, module ... in common.
function groupedLeaks(by, groups) {
	const sums = new Map();
	for (const g of groups) {
		const key = groupKey(by, g.row);
		if (!sums.has(key)) sums.set(key, { key, retained_bytes: 0, retained_blocks: 0, roots: 0, list: [] });
		const s = sums.get(key);
		for (const k of ["retained_bytes", "retained_blocks", "roots"]) s[k] += g[k];
		s.list.push(g);
	}
	const f = (name, label, format) => ({ name, label, class: "number", text: (s) => format(s[name]), sort: (s) => s[name] });
	return table({
		rows: () => [...sums.values()],
		sort: "retained_bytes",
		key: (s) => s.key,
		search: searchTexts((s) => `${s.key} ${s.list.map((g) => placeText(g.row)).join(" ")}`),
		said: (rows) => many(rows.length, by),
		columns: [
			f("retained_bytes", "retained", bytes),
			f("retained_blocks", "in blocks", count),
			f("roots", "leaks", count),
			{ name: "key", label: by, width: "minmax(12em,1fr)", class: "place", text: (s) => el("b", { title: s.key }, groupLabel(by, s.key)), sort: (s) => s.key },
		],
		detail: (s) =>
			el(
				"section",
				{},
				el("h2", {}, groupLabel(by, s.key)),
				el(
					"ul",
					{ class: "sites-list" },
					s.list
						.sort((a, b) => b.retained_bytes - a.retained_bytes)
						.slice(0, 30)
						.map((g) => el("li", {}, `${bytes(g.retained_bytes)}  `, el("a", { class: "row-link", href: `#view=leaks&row=${g.number}` }, placeText(g.row)))),
				),
				["function", "file", "line"].includes(by) ? sourceOf(by, s.key, measures.find((m) => m.name === "lost_bytes")) : null,
			),
	});
}

export function leaks() {
	const l = head.leaks;
	if (!l.known)
		return el("div", {}, errors(), el("p", { class: "empty" }, `What is lost is not known: ${l.why}.`));
	const groups = data().groups.map((g, i) => ({ ...g, number: i }));
	const f = (name, label, format) => ({
		name,
		label,
		class: "number",
		text: (g) => format(g[name]),
		sort: (g) => g[name],
	});
	const kind = (g) => (g.kind === "cycle" ? (g.container ? "container" : "root cycle") : "root leak");
	const by = state.get("by") ?? "";
	const list = by ? groupedLeaks(by, groups) : table({
		rows: () => groups,
		sort: "retained_bytes",
		key: (g) => String(g.number),
		search: searchTexts((g) => `${kind(g)} ${typeOf(g.row)} ${placeText(g.row)}`),
		empty: "Nothing is lost.",
		first: true,
		columns: [
			f("retained_bytes", "retained", bytes),
			f("retained_blocks", "in blocks", count),
			{
				name: "roots",
				label: "leaks",
				class: "number",
				text: (g) => count(g.roots),
				sort: (g) => g.roots,
				title: "equal root leaks or root cycles",
			},
			{
				name: "kind",
				label: "kind",
				width: "8em",
				text: (g) => el("span", { class: `tag ${g.kind}` }, kind(g)),
				sort: kind,
			},
			placeColumn((g) => g.row),
		],
		detail: (g) =>
			el(
				"section",
				{},
				el(
					"h2",
					{},
					`${many(g.roots, g.kind === "cycle" ? "root cycle" : "root leak")}: ${bytes(g.bytes)} in ${many(g.blocks, "block")}, retaining ${bytes(g.retained_bytes)} in ${many(g.retained_blocks, "block")}`,
				),
				g.self
					? el(
							"p",
							{ class: "dim" },
							"Some hold only themselves: a pointer to the block within the block.",
						)
					: null,
				g.ring ? ring(g.ring) : null,
				g.tree
					? [el("h3", {}, "Holds"), tree(g)]
					: command("The trees of the largest leaks only are in this report; all of them", "leaks", "--tree"),
				referrers(g.row),
				command("Each block with its referrers", "refs", data().row_site[g.row]),
				el("h3", {}, "Allocated by"),
				stackList(g.row),
			),
	});
	if (groups.length > 1)
		list.tools.prepend(
			groupPick("leak", by, (v) => {
				keep("by", v);
				for (const k of ["row", "sort", "order"]) keep(k, null);
				dispatchEvent(new HashChangeEvent("hashchange"));
			}),
		);
	const all = records(),
		sum = (k, what) =>
			l[k].blocks ? `${what} ${bytes(l[k].bytes)} in ${many(l[k].blocks, "block")}` : null;
	const root = el(
		"div",
		{},
		errors(),
		el(
			"p",
			{ class: "lead" },
			`${l.text[0].toUpperCase()}${l.text.slice(1)}.`,
			l.complete ? "" : ` Not all could be determined: ${l.why}`,
		),
		el(
			"p",
			{ class: "dim" },
			[
				sum("unreferenced", "unreferenced"),
				sum("cycle", "in cycles"),
				sum("indirect", "indirect"),
				sum("possible", "possible"),
				sum("suppressed", "suppressed"),
				sum("before", "before the baseline"),
				sum("shared", "held by several leaks"),
			]
				.filter(Boolean)
				.join(" · "),
		),
		list,
		el("h2", {}, "By site and kind"),
		all,
	);
	root.ready = () => {
		list.ready();
		all.ready();
	};
	root.print = (on) => {
		list.print(on);
		all.print(on);
	};
	return root;
}
