// The flame graph. Its tree is built for one measure and one direction when it is looked at; frames that
// would be narrower than half a pixel are not made, but counted. A click makes a frame the new root.
import flamegraph from "d3-flame-graph";
import { select } from "d3-selection";
import { data, favourite, known, measures, narrowed, value } from "./data.js";
import { build, differenceRows, linesOf, sandwich } from "./flame_tree.js";
import { count, many, share, show } from "./format.js";
import { matchedLines, matchedRows, matcher } from "./match.js";
import { base, line, short, where } from "./names.js";
import { dark, el, hue, keep, onWidth, state } from "./dom.js";
import { threadNames } from "./groups.js";

const CELL = 20,
	LINES_TOLD = 4,
	MODULES_TOLD = 8;
const differences = [
	["difference", "difference", true],
	["difference_peak_bytes", "difference at peak", true],
	["difference_total_bytes", "difference of total", true],
	["difference_temporary", "difference of temporary", false],
].map(([name, label, bytes]) => ({ name, label, bytes, difference: true }));

// Of Python a module is a file.
const moduleOf = (l) => l.module || l.file;
function lay(tree, focus, width) {
	const least = tree.total[focus] / width / 2;
	let hidden = 0,
		drawn = 0,
		deepest = 0;
	const make = (n, depth) => {
		const l = tree.of(n);
		drawn++;
		deepest = Math.max(deepest, depth);
		return {
			name: tree.line[n] < 0 ? l.function : l.function === "<module>" ? `<module> ${base(l.file)}` : short(l.function),
			node: n,
			value: tree.total[n],
			delta: tree.delta[n],
			module: moduleOf(l),
			children: [],
		};
	};
	const root = make(focus, 0),
		stack = [[focus, root, 0]];
	while (stack.length) {
		const [n, o, depth] = stack.pop();
		for (const c of tree.child[n].values())
			if (tree.total[c] >= least && tree.total[c] > 0) {
				const child = make(c, depth + 1);
				o.children.push(child);
				stack.push([c, child, depth + 1]);
			} else hidden++;
	}
	return { root, hidden, drawn, deepest };
}

// From -1, all of it has gone, to 1, all of it is new.
function changeColor(x) {
	const l = dark() ? 32 : 88 - Math.abs(x) * 28;
	if (x > 0) return `hsl(8 ${20 + 60 * x}% ${l}%)`;
	if (x < 0) return `hsl(210 ${20 - 60 * x}% ${l}%)`;
	return dark() ? "#3a3d42" : "#e3e5e8";
}
const moduleHue = (module) => hue(base(module));
function frameColor(d, what) {
	if (d.highlight) return dark() ? "#c07cff" : "#b048ff";
	if (what.difference)
		return changeColor(Math.max(-1, Math.min(1, d.data.delta / (d.data.value || 1))));
	if (!d.data.module) return dark() ? "#3a3d42" : "#d9dce0";
	// One hue a module, a shade of it a function.
	const shade = hue(d.data.name);
	return `hsl(${moduleHue(d.data.module) + (shade % 44) - 22} ${dark() ? 38 : 62}% ${dark() ? 27 + (shade % 9) : 73 + (shade % 11)}%)`;
}

// One chart: `upward` draws callers above the function that they call.
function chart(tree, focus, what, { width, upward, describe, hover, click, hit }) {
	const box = el("div", { class: upward ? "chart callers" : "chart" }),
		{ root, hidden, drawn, deepest } = lay(tree, focus, width),
		height = (deepest + 1) * CELL;
	const made = flamegraph()
		.width(width)
		.height(height + CELL)
		.cellHeight(CELL)
		.inverted(true)
		.selfValue(false)
		.transitionDuration(0)
		.minFrameSize(0)
		.sort((a, b) => b.value - a.value)
		.label((d) => describe(tree, d.data.node))
		.setColorMapper((d) => frameColor(d, what))
		.setDetailsHandler(() => {})
		.onHover((d) => hover(tree, d.data.node))
		.setSearchMatch((d) => hit && tree.line[d.data.node] >= 0 && hit[tree.line[d.data.node]])
		.onClick((d) => setTimeout(() => click(tree, d.data.node)));
	select(box).datum(root).call(made);
	if (hit) made.search("x");
	// Frames have their place at once, not after a while.
	select(box)
		.selectAll("g")
		.interrupt()
		.attr("transform", (d) => `translate(${d.x0 * width},${upward ? height - (d.depth + 1) * CELL : d.depth * CELL})`)
		.attr("data-node", (d) => d.data.node)
		.select("rect")
		.interrupt()
		.attr("width", (d) => (d.x1 - d.x0) * width);
	return { box, hidden, drawn };
}

export function flame() {
	const choices = measures.filter((m) => known(m.name));
	if (data().diff && !narrowed()) choices.push(...differences.filter((m) => differenceRows(m.name)));
	let what = choices.find((m) => m.name === (state.get("measure") ?? favourite())) ?? choices[0];
	let tree = null,
		focus = 0,
		cursor = 0,
		hit = null;
	const chosen = {
		library: state.get("library") === "1",
		only: state.get("only") ?? "",
		without: state.get("without") ?? "",
	};
	let inverted = state.get("invert") === "1",
		middle = state.get("sandwich") ?? "";

	const toggle = (name, text, title, on, set) =>
		el(
			"button",
			{
				"aria-pressed": String(on),
				title,
				onclick: (e) => {
					on = !on;
					set(on);
					keep(name, on ? 1 : null);
					e.target.setAttribute("aria-pressed", String(on));
					restart();
				},
			},
			text,
		);
	const pick = el(
		"select",
		{
			"aria-label": "measure",
			onchange: () => {
				what = choices[pick.selectedIndex];
				keep("measure", what.name);
				restart();
			},
		},
		choices.map((m) => el("option", { value: m.name, selected: m === what }, m.label)),
	);
	const threads = threadNames(),
		thread = el(
			"select",
			{
				"aria-label": "thread",
				title: "only live blocks that this thread made",
				onchange: () => {
					keep("thread", threads[thread.selectedIndex - 1]);
					keep("zoom", null);
					dispatchEvent(new HashChangeEvent("hashchange"));
				},
			},
			el("option", {}, "all threads"),
			threads.map((t) => el("option", { selected: state.get("thread") === t }, t)),
		);
	const invert = toggle("invert", "invert", "callers below callees  ( i )", inverted, (on) => (inverted = on));
	const library = toggle(
		"library",
		"library frames",
		"show what containers, strings and allocators did for their callers, and Python's import system  ( l )",
		chosen.library,
		(on) => (chosen.library = on),
	);
	const search = el("input", {
		type: "search",
		class: "search",
		placeholder: "function, file, module or /expression/  ( / )",
		"aria-label": "search",
		value: state.get("q") ?? "",
		oninput: () => {
			keep("q", search.value);
			find();
		},
	});
	const found = el("span", { class: "dim", role: "status" });
	const limit = (name, title, text) =>
		el("button", { title, onclick: () => narrow(name, search.value) }, text);
	const limits = el(
		"span",
		{ class: "limits" },
		limit("only", "only call stacks that match the search", "focus"),
		limit("without", "leave out call stacks that match the search", "hide"),
	);
	const chips = el("span", { class: "chips" });
	const path = el("nav", { class: "path", "aria-label": "zoomed in" });
	const box = el("div", {
		class: "flame",
		tabindex: 0,
		role: "application",
		"aria-label": "flame graph: arrow keys move, Enter zooms, s shows callers and callees",
		onkeydown: step,
	});
	const details = el("div", { class: "details", "aria-live": "polite" }, "\u00a0");
	const legend = el("div", { class: "legend" });
	const note = el("p", { class: "dim note" });
	const root = el(
		"div",
		{},
		el("div", { class: "tools" }, el("label", {}, "measure ", pick), threads.length > 1 ? thread : null, invert, library, search, limits, chips, found),
		path,
		details,
		box,
		legend,
		note,
	);

	const describe = (t, n) => {
		const l = t.of(n),
			change = what.difference ? `, change ${show(what, t.delta[n])}` : "";
		return `${show(what, t.total[n])} (${share(t.total[n], t.total[0])}${change})  ${short(l.function)}  ${where(l)}`;
	};
	// With the lines that a box stands for, which are looked for when it is pointed at.
	function tell(t, n) {
		const parts = [describe(t, n)];
		if (t === tree && !middle && t.line[n] >= 0) {
			const lines = linesOf(t, n, what.name, inverted, chosen);
			if (lines.length > 1)
				parts[0] = `${show(what, t.total[n])} (${share(t.total[n], t.total[0])})  ${short(t.of(n).function)}  ${lines
					.slice(0, LINES_TOLD)
					.map(([l, v]) => `${where(line(l))} ${show(what, v)}`)
					.join(", ")}${lines.length > LINES_TOLD ? `, ${many(lines.length - LINES_TOLD, "more line")}` : ""}`;
			if (t.of(n).module) parts.push(`[${base(t.of(n).module)}]`);
		}
		details.textContent = parts.join("  ");
		details.title = t.of(n).function;
	}
	function narrow(name, text) {
		chosen[name] = text.trim();
		keep(name, chosen[name] || null);
		if (text) {
			search.value = "";
			keep("q", null);
		}
		restart();
	}
	function rebuild() {
		if (middle) tree = sandwich(what.name, middle, chosen).callees;
		else tree = build(what.name, inverted, chosen);
	}
	function restart() {
		focus = cursor = 0;
		keep("zoom", null);
		rebuild();
		render();
	}
	function zoom(n) {
		focus = cursor = n;
		const steps = tree.path(n).map((i) => [...tree.child[tree.parent[i]].values()].indexOf(i));
		keep("zoom", steps.join("."));
		render();
	}
	function open(name) {
		middle = name;
		keep("sandwich", name || null);
		restart();
	}
	function button(text, title, onclick, disabled) {
		return el("button", { title, onclick, disabled }, text);
	}
	function renderPath() {
		const steps = focus ? [0, ...tree.path(focus)] : [];
		path.replaceChildren(
			...steps.map((n) => button(short(tree.of(n).function), null, () => zoom(n), n === focus)),
		);
		if (middle)
			path.prepend(
				button("whole graph", "leave the callers and callees  ( Esc )", () => open("")),
				el("b", {}, ` callers and callees of ${short(middle)} `),
			);
		else if (focus && tree.line[focus] >= 0)
			path.append(
				button("callers and callees", "of this function, over all call stacks  ( s )", () =>
					open(tree.of(focus).function),
				),
			);
		chips.replaceChildren(
			...[
				["only", "only"],
				["without", "without"],
			]
				.filter(([name]) => chosen[name])
				.map(([name, text]) => button(`${text} ${chosen[name]} ✕`, "show all again", () => narrow(name, ""))),
		);
	}
	// What the colours mean: the modules with most of the measure, or the scale of a difference.
	function renderLegend() {
		if (what.difference) {
			legend.replaceChildren(
				"gone ",
				...[-1, -0.5, 0, 0.5, 1].map((x) => el("i", { style: `background:${changeColor(x)}` })),
				" new or grown",
			);
			return;
		}
		const sums = new Map();
		for (let n = 1; n < tree.parent.length; n++) {
			let own = tree.total[n];
			for (const c of tree.child[n].values()) own -= tree.total[c];
			const module = moduleOf(tree.of(n));
			if (own > 0 && module) sums.set(module, (sums.get(module) ?? 0) + own);
		}
		const list = [...sums].sort((a, b) => b[1] - a[1]);
		legend.replaceChildren(
			...list.slice(0, MODULES_TOLD).map(([module, v]) =>
				el(
					"button",
					{ title: `${module}: only call stacks through it`, onclick: () => narrow("only", module) },
					el("i", { style: `background:hsl(${moduleHue(module)} ${dark() ? "38% 31%" : "62% 78%"})` }),
					` ${base(module)} ${share(v, tree.total[0])}`,
				),
			),
		);
	}
	function render() {
		const width = Math.max(300, box.clientWidth || 1000),
			common = {
				width,
				describe,
				hover: tell,
				hit,
				click: (t, n) => (middle ? n && open(t.of(n).function) : n !== focus && zoom(n)),
			},
			below = chart(tree, focus, what, common);
		let { hidden, drawn } = below;
		box.replaceChildren(below.box);
		if (middle) {
			const above = chart(sandwich(what.name, middle, chosen).callers, 0, what, { ...common, upward: true });
			box.prepend(above.box);
			hidden += above.hidden;
			drawn += above.drawn;
		}
		box.dataset.total = tree.total[0];
		box.dataset.drawn = drawn;
		renderPath();
		renderLegend();
		tell(tree, focus);
		note.textContent = [
			hidden ? `${many(hidden, "frame")} ${hidden === 1 ? "is" : "are"} too narrow to draw; zoom in.` : "",
			what.name === "retained_bytes"
				? "What one site retains may lie within what another one retains: sums count it in both."
				: "",
			what.difference ? "Width: the larger of the old and the new size." : "",
			middle ? `Above: who called ${short(middle)}; below: what it called. A click goes to another function.` : "",
			tree.total[0] ? "" : nothing(),
		]
			.filter(Boolean)
			.join(" ");
		mark();
	}
	const nothing = () =>
		chosen.only || chosen.without
			? "No call stack is left: remove the focus or what is hidden."
			: `Nothing to draw: ${what.label} is zero everywhere.`;
	// Searches all of the data, drawn or not, as the table of sites does.
	function find() {
		const match = matcher(search.value);
		limits.hidden = !match;
		hit = match && matchedLines(match);
		if (!match) found.textContent = "";
		else if (match.broken) found.textContent = match.broken;
		else {
			const rows = matchedRows(match),
				d = data(),
				names = new Set();
			let sites = 0,
				sum = 0;
			for (let r = 0; r < d.kept; r++)
				if (rows[r]) {
					sites++;
					sum += what.difference ? 0 : value(what.name, r);
				}
			for (let n = 0; n < hit.length; n++) if (hit[n]) names.add(d.line_function[n]);
			found.textContent = `${many(names.size, "function")} at ${many(sites, "site")}${
				what.difference ? "" : `, ${show(what, sum)} (${share(sum, whole())})`
			}`;
		}
		if (tree) render();
	}
	function whole() {
		let all = 0;
		for (let r = 0; r < data().kept; r++) all += value(what.name, r);
		return all;
	}
	const frames = () => [...box.querySelectorAll(".chart:not(.callers) g[data-node]")];
	function mark() {
		for (const g of frames()) g.classList.toggle("cursor", box.matches(":focus") && +g.dataset.node === cursor);
	}
	// The frames that are drawn, by arrow keys: down to the widest callee, up to the caller, left and right.
	function step(e) {
		const drawn = new Set(frames().map((g) => +g.dataset.node)),
			below = (n) =>
				[...tree.child[n].values()]
					.filter((c) => drawn.has(c))
					.sort((a, b) => tree.total[b] - tree.total[a]),
			beside = (by) => {
				const list = cursor === focus ? [] : below(tree.parent[cursor]);
				return list[list.indexOf(cursor) + by];
			};
		const to = {
			ArrowDown: () => below(cursor)[0],
			ArrowUp: () => (cursor === focus ? undefined : tree.parent[cursor]),
			ArrowLeft: () => beside(-1),
			ArrowRight: () => beside(1),
			Home: () => focus,
		}[e.key];
		if (e.key === "Enter" && cursor !== focus) zoom(cursor);
		else if (to) {
			cursor = to() ?? cursor;
			tell(tree, cursor);
			mark();
		} else return;
		e.preventDefault();
		e.stopPropagation();
	}
	box.addEventListener("focus", mark);
	box.addEventListener("blur", mark);
	root.ready = () => {
		rebuild();
		for (const s of (state.get("zoom") ?? "").split(".").filter(Boolean))
			focus = [...tree.child[focus].values()][+s] ?? focus;
		cursor = focus;
		find();
		onWidth(box, render);
	};
	root.key = (e) => {
		if (e.key === "i") invert.click();
		else if (e.key === "l") library.click();
		else if (e.key === "s" && !middle && tree.line[cursor || focus] >= 0) open(tree.of(cursor || focus).function);
		else if (e.key === "m") {
			pick.selectedIndex = (pick.selectedIndex + 1) % choices.length;
			pick.dispatchEvent(new Event("change"));
		} else if (e.key === "Escape" && middle) open("");
		else if (e.key === "Escape" || e.key === "0") zoom(0);
		else if (e.key === "u" && focus) zoom(Math.max(0, tree.parent[focus]));
		else return false;
		return true;
	};
	return root;
}
