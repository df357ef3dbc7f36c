// A table of any length: sorted by a click on a head, searched, only the rows in sight exist.
import { many } from "./format.js";
import { copy } from "./command.js";
import { el, keep, state } from "./dom.js";
import { matcher } from "./match.js";

const HEIGHT = 27,
	PRINTED = 500,
	COPIED = 10000,
	FEW = 8;

// On a narrow screen the place comes first, and stays there.
const inFront = (c) => +/\bplace\b/.test(c.class ?? "");
// As wide as its columns need, in em: a wider screen gives the rest to the place, on a narrower one the table scrolls.
const em = (width) => parseFloat(/[\d.]+(?=em)/.exec(width)?.[0] ?? "8") || 8;
const least = (list) => list.reduce((a, c) => a + em(narrow(c)), 1.5);
const wide = (c) => c.width ?? "8.2em";
// A number such as "11.1 MiB" needs less where there is little room, and so does a name that can be cut.
const narrow = (c) => (inFront(c) ? "minmax(12em,1fr)" : (c.width ?? "6.5em"));
const widths = (list, width) => list.map(width).join(" ");

// columns: {name, label, text(row), sort(row) -> number or string, class, title}
// options: {id: of several tables in one view, rows, columns, sort, search(match) -> (row) -> true where the row is found (match.js), detail(row) -> element, key(row) -> text, empty, first: the
// first row is chosen where none is}
export function table(options) {
	const { columns } = options,
		own = (name) => (options.id ? `${options.id}.${name}` : name);
	let by =
		columns.find((c) => c.name === state.get(own("sort"))) ??
		columns.find((c) => c.name === options.sort) ??
		columns[0];
	let up = state.get(own("order")) === "up",
		rows = [],
		chosen = state.get(own("row")) ?? null;
	const search = el("input", {
		type: "search",
		placeholder: "search  ( / )",
		value: state.get(own("q")) ?? "",
		class: "search",
		"aria-label": "search",
		oninput: () => {
			keep(own("q"), search.value);
			choose();
		},
	});
	const said = el("span", { class: "dim count", role: "status" });
	// What a sheet or a chat takes: tabs between cells.
	const plain = (cell) => (cell instanceof Node ? cell.textContent : [cell].flat().join("")).replace(/\s+/g, " ").trim();
	const asText = (r) => columns.map((c) => plain(c.text(r) ?? "")).join("\t");
	const copyRows = el(
		"button",
		{
			class: "copy",
			title: "copy these rows, with tabs between their cells",
			onclick: (e) => copy(e.target, [columns.map((c) => c.label).join("\t"), ...rows.slice(0, COPIED).map(asText)].join("\n")),
		},
		"copy rows",
	);
	const copyLink = el(
		"button",
		{ class: "copy", title: "copy the address of this page with this row, order and search", onclick: (e) => copy(e.target, location.href) },
		"copy link",
	);
	const tools = el("div", { class: "tools" }, search, said, copyRows, copyLink);
	const heads = columns.map((c) =>
		el(
			"div",
			{
				class: `cell head ${c.class ?? ""}`,
				role: "columnheader",
				tabindex: 0,
				title: c.title,
				"data-column": c.name,
				onclick: () => order(c),
				onkeydown: (e) => {
					if (e.key === "Enter" || e.key === " ") {
						e.preventDefault();
						order(c);
					}
				},
			},
			c.label,
		),
	);
	const top = el("div", { class: "row heads", role: "row" }, heads);
	const inside = el("div", { class: "inside", role: "presentation" });
	const body = el(
		"div",
		{ class: "body", role: "rowgroup", tabindex: 0, onscroll: draw, onkeydown: step, "aria-label": "rows" },
		inside,
	);
	const detail = el("div", { class: "detail" });
	const box = el(
		"div",
		{
			class: "table",
			role: "grid",
			"aria-label": options.label ?? "table",
			style: `--least:${least(columns)}em;--columns:${widths(columns, wide)};--paper:${columns.map((c) => (/fr/.test(c.width ?? "") ? "minmax(0,4fr)" : "minmax(0,1fr)")).join(" ")};--narrow:${widths([...columns].sort((a, b) => inFront(b) - inFront(a)), narrow)}`,
		},
		top,
		body,
	);
	const root = el("div", {}, tools, box, detail);
	// A handful of rows needs no search.
	search.hidden = !search.value && options.rows().length < FEW;

	function order(c) {
		if (c === by) up = !up;
		else {
			by = c;
			up = false;
		}
		keep(own("sort"), by.name);
		keep(own("order"), up ? "up" : null);
		choose();
	}
	function choose() {
		const match = matcher(search.value),
			hit = match && options.search(match);
		const keys = new Map();
		rows = options.rows().filter((r) => !hit || hit(r));
		for (const r of rows) keys.set(r, by.sort(r));
		rows.sort((a, b) => {
			const x = keys.get(a),
				y = keys.get(b);
			const less = typeof x === "string" ? x.localeCompare(y) : y - x;
			return up ? -less : less;
		});
		heads.forEach((h, i) =>
			h.setAttribute(
				"aria-sort",
				columns[i] === by ? (up ? "ascending" : "descending") : "none",
			),
		);
		said.textContent = options.said ? options.said(rows) : many(rows.length, "row");
		box.setAttribute("aria-rowcount", rows.length + 1);
		inside.style.height = `${rows.length * HEIGHT}px`;
		body.scrollTop = 0;
		draw();
		detail.replaceChildren();
		const at = chosen === null ? -1 : rows.findIndex((r) => options.key(r) === chosen);
		if (at >= 0) select(at, true);
		else if (options.first && rows.length && options.detail) {
			detail.replaceChildren(options.detail(rows[0]));
			inside.firstElementChild?.setAttribute("aria-selected", "true");
		}
	}
	function make(i) {
		const r = rows[i];
		return el(
			"div",
			{
				class: `row ${options.class?.(r) ?? ""}`,
				role: "row",
				style: `top:${i * HEIGHT}px`,
				"data-row": options.key(r),
				"aria-rowindex": i + 2,
				"aria-selected": String(options.key(r) === chosen),
				onclick: () => select(i),
			},
			columns.map((c) => {
				const text = c.text(r);
				return el(
					"div",
					{
						class: `cell ${c.class ?? ""}`,
						role: "gridcell",
						style:
							c.share && c === by
								? `background:linear-gradient(to right,var(--bar) ${100 * c.share(r)}%,transparent 0)`
								: null,
						title:
							typeof text === "string" && text.length > 20
								? text
								: null,
					},
					text,
				);
			}),
		);
	}
	let printing = false;
	function draw() {
		if (printing) return;
		const first = Math.max(0, Math.floor(body.scrollTop / HEIGHT) - 5);
		const last = Math.min(
			rows.length,
			first + Math.ceil((body.clientHeight || 600) / HEIGHT) + 10,
		);
		const made = [];
		for (let i = first; i < last; i++) made.push(make(i));
		if (!rows.length) made.push(el("div", { role: "row" }, el("p", { class: "dim empty", role: "gridcell" }, options.empty ?? "No row matches.")));
		inside.replaceChildren(...made);
	}
	function select(i, stay) {
		chosen = options.key(rows[i]);
		keep(own("row"), chosen);
		if (i * HEIGHT < body.scrollTop || (i + 1) * HEIGHT > body.scrollTop + body.clientHeight)
			body.scrollTop = i * HEIGHT - body.clientHeight / 2;
		draw();
		if (options.detail) detail.replaceChildren(options.detail(rows[i]));
		if (!stay) body.focus({ preventScroll: true });
	}
	function step(e) {
		const at = rows.findIndex((r) => options.key(r) === chosen);
		const to = {
			ArrowDown: at + 1,
			ArrowUp: at - 1,
			Home: 0,
			End: rows.length - 1,
			PageDown: at + 15,
			PageUp: at - 15,
		}[e.key];
		if (to === undefined || !rows.length) return;
		e.preventDefault();
		select(Math.max(0, Math.min(rows.length - 1, to)));
	}
	// On paper there is no scrolling.
	root.print = (on) => {
		printing = on;
		if (on) {
			inside.replaceChildren(...rows.slice(0, PRINTED).map((_, i) => make(i)));
			if (rows.length > PRINTED)
				inside.append(
					el(
						"p",
						{},
						`${(rows.length - PRINTED).toLocaleString("en-US")} more rows`,
					),
				);
		} else draw();
	};
	root.ready = () => choose();
	root.refresh = choose;
	root.tools = tools;
	new ResizeObserver(draw).observe(body);
	return root;
}
