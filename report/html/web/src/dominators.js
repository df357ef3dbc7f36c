// Owners: a treemap of the tree of dominators, two levels at a time.
import { hierarchy, treemap } from "d3-hierarchy";
import { data, head } from "./data.js";
import { bytes, count, many, share } from "./format.js";
import { placeText, short, typeOf } from "./names.js";
import { dark, el, hue, keep, onWidth, state, svg } from "./dom.js";
import { referrers, rootName } from "./referrers.js";
import { groupKey, groupLabel } from "./groups.js";
import { ALL, GROUP, KEPT, ROOT, SITE, below, childrenOf, labelOf, mergeSiblings, sharers as sharersOf } from "./owners.js";

// Neighbours of one function, type ... below one owner are one area.
const GROUPINGS = [
	["", "site"],
	["function", "function"],
	["type", "type"],
	["file", "file"],
	["line", "line"],
	["module", "module"],
	["thread", "thread that made most of it"],
];
const groupings = () => GROUPINGS.filter(([name]) => name !== "thread" || data().thread_row?.length);

const SHOWN = 40; // rows of the list

export function dominators() {
	const d = data();
	if (!d.dominators) return el("p", { class: "empty" }, `Owners are not known: ${head.leaks.why}.`);
	const exact = state.get("exact") === "1",
		by = groupings().some(([name]) => name === state.get("by")) ? (state.get("by") ?? "") : "",
		rows = mergeSiblings(
			exact ? d.dominators : d.owners,
			by && ((row) => groupKey(by, row)),
			(kind, key) => `${kind === GROUP ? "lost: " : ""}${groupLabel(by, key)}`,
		),
		child = childrenOf(rows);
	const name = (i) => {
		const [, kind, what] = rows[i];
		if (rows[i].label !== undefined) return rows[i].label;
		return kind === ALL
			? "the whole heap"
			: kind === ROOT
				? rootName(what)
				: kind === GROUP
					? `lost: ${typeOf(what) ? `${short(typeOf(what))} · ` : ""}${placeText(what)}`
					: kind === KEPT
						? "kept without a root"
						: typeOf(what)
							? `${short(typeOf(what))} · ${placeText(what)}`
							: placeText(what);
	};
	// With the field that holds it.
	const fullName = (i) => [rows[i][10], name(i)].filter(Boolean).join(" · ");
	const kindOf = (i) =>
		[
			"",
			"root",
			"root leak",
			"kept",
			sharers(i).length ? `shared by: ${sharers(i).join(", ")}` : "blocks",
		][rows[i][1]];
	// The roots that hold what belongs to none of them alone.
	const holders = d.holders.map(rootName),
		sharers = (i) => sharersOf(rows[i][11], holders);
	const whole = d.dominators[0][5],
		shared = d.dominators.reduce((a, r) => (r[0] === 0 && r[1] === SITE ? a + r[5] : a), 0);
	const again = () => {
		keep("node", null);
		dispatchEvent(new HashChangeEvent("hashchange"));
	};
	const tools = el(
		"div",
		{ class: "tools" },
		el(
			"button",
			{
				"aria-pressed": String(exact),
				title: "only what would be freed with its owner; what several roots hold belongs to none of them",
				onclick: () => {
					keep("exact", exact ? null : 1);
					again();
				},
			},
			"exact dominance",
		),
		el(
			"label",
			{},
			"group neighbours by ",
			el(
				"select",
				{
					"aria-label": "group neighbours by",
					onchange: (e) => {
						keep("by", e.target.value);
						again();
					},
				},
				groupings().map(([value, text]) => el("option", { value, selected: value === by }, text)),
			),
		),
	);
	const explain = el(
		"p",
		{ class: "lead" },
		exact
			? "Each area is memory that would be freed with its owner. "
			: "Each block is charged to its steadiest owner: global variables first, then thread-local data, stacks and registers. ",
		"Click to go down, and use the path to go back up. ",
		shared > whole / 20
			? el(
					"span",
					{ class: "shared" },
					`${bytes(shared)} (${share(shared, whole)}) are held by more than one root, and would not be freed with any one of them. `,
					d.wiped ? "" : "Where one of them is a stack or a register, this may be a stale word in reused memory: tidemark run --wipe clears these.",
				)
			: "",
	);
	let focus = Math.min(rows.length - 1, Math.max(0, +(state.get("node") ?? 0) || 0));
	const path = el("nav", { class: "path", "aria-label": "path from the root" });
	const box = el("div", { class: "treemap" });
	const list = el("div", {});
	const root = el(
		"div",
		{},
		explain,
		tools,
		path,
		box,
		list,
	);

	function open(i) {
		focus = i;
		keep("node", i || null);
		render();
	}
	function color(d) {
		const kind = rows[d.data.i][1];
		if (d.data.own || d.data.rest) return dark() ? "#33363b" : "#e8eaed";
		if (kind === GROUP) return dark() ? "#7a2e29" : "#ffc9c2";
		return `hsl(${hue(name(d.data.i))} ${dark() ? 30 : 55}% ${d.children ? (dark() ? 18 : 92) : dark() ? 28 : 80}%)`;
	}
	function render(all) {
		const width = Math.max(300, box.clientWidth || 1000),
			height = Math.max(260, Math.min(620, width * 0.5, innerHeight - 120));
		const tree = hierarchy(below(rows, child, focus, 3))
			.sum((d) => d.value ?? 0)
			.sort((a, b) => b.value - a.value);
		treemap()
			.size([width, height])
			.paddingOuter((d) => (d.depth ? 2 : 0))
			.paddingTop((d) => (d.depth && d.children ? 19 : 0))
			.paddingInner(1)
			.round(true)(tree);
		const s = svg("svg", { width, height, role: "img", "aria-label": "treemap" });
		for (const d of tree.descendants().slice(1)) {
			const w = d.x1 - d.x0,
				h = d.y1 - d.y0,
				what = d.data.own
					? "its own blocks"
					: d.data.rest
						? `${count(d.data.rest)} smaller`
						: sharers(d.data.i).length
							? `shared by: ${sharers(d.data.i).join(", ")} · ${fullName(d.data.i)}`
							: fullName(d.data.i);
			if (w < 1 || h < 1) continue;
			const g = svg(
				"g",
				{
					transform: `translate(${d.x0},${d.y0})`,
					class: "tile",
					onclick: (e) => {
						e.stopPropagation();
						if (d.data.i !== focus) open(d.data.i);
					},
				},
				svg("rect", { width: w, height: h, fill: color(d) }),
				svg(
					"title",
					{},
					`${what}\n${bytes(d.value)} (${share(d.value, rows[0][5])})`,
				),
			);
			if (w > 46 && h > 15) {
				// An area with others in it has its label above them.
				const lines = labelOf(what, bytes(d.value), Math.floor((w - 6) / 7.2), d.children || h < 31 ? 1 : 2);
				lines.forEach((text, i) => g.append(svg("text", { x: 4, y: 13 + 14 * i }, text)));
			}
			s.append(g);
		}
		box.replaceChildren(s);
		const way = [];
		for (let i = focus; i >= 0; i = rows[i][0]) way.unshift(i);
		path.replaceChildren(
			...way.map((i) =>
				el("button", { disabled: i === focus, onclick: () => open(i) }, name(i)),
			),
		);
		const r = rows[focus],
			kids = [...child[focus]].sort((a, b) => rows[b][5] - rows[a][5]);
		list.className = "wide";
		list.replaceChildren(
			el(
				"p",
				{},
				el("b", {}, name(focus)),
				` ${exact ? "keeps" : "is charged with"} ${bytes(r[5])} in ${many(r[6], "block")}${exact ? " alive" : ""}, ${bytes(r[3])} in ${many(r[4], "block")} of its own.`,
			),
			kids.length ? el(
				"table",
				{ class: "plain" },
				el(
					"thead",
					{},
					el(
						"tr",
						{},
						[exact ? "retained" : "charged", "in blocks", "itself", "held by", "through", "what"].map((t, i) =>
							el("th", { class: i < 3 ? "number" : null }, t),
						),
					),
				),
				el(
					"tbody",
					{},
					kids.slice(0, all ? kids.length : SHOWN).map((i) =>
						el(
							"tr",
							{
								tabindex: 0,
								onclick: () => open(i),
								onkeydown: (e) => {
									if (e.key === "Enter") open(i);
								},
							},
							el("td", { class: "number" }, bytes(rows[i][5])),
							el("td", { class: "number" }, count(rows[i][6])),
							el("td", { class: "number" }, bytes(rows[i][3])),
							el("td", { class: "dim" }, kindOf(i)),
							el("td", {}, rows[i][10] ?? ""),
							el("td", {}, name(i)),
						),
					),
				),
			) : "",
			kids.length > SHOWN && !all ? el("p", {}, el("button", { onclick: () => render(true) }, `Show all ${count(kids.length)}`)) : "",
			// Of merged neighbours it is not one site.
			rows[focus].label === undefined && (r[1] === SITE || r[1] === GROUP) ? el("section", {}, referrers(r[2])) : "",
			r[9]
				? el(
						"p",
						{ class: "dim" },
						`${count(r[9])} more hold ${bytes(r[7])} in ${many(r[8], "block")}, each less than a 5000th of the heap.`,
					)
				: "",
		);
		box.dataset.total = rows[0][5];
	}
	root.ready = () => {
		render();
		onWidth(box, render);
	};
	root.key = (e) => {
		if (e.key === "u" && rows[focus][0] >= 0) open(rows[focus][0]);
		else if (e.key === "Escape" || e.key === "0") open(0);
		else return false;
		return true;
	};
	return root;
}
