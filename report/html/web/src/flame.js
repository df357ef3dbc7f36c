// The flame graph. Its tree is built for one measure and one direction when it is looked at; frames that
// would be narrower than half a pixel are not made, but counted. A click makes a frame the new root.
import flamegraph from "d3-flame-graph";
import { select } from "d3-selection";
import { data, favourite, known, measures, value } from "./data.js";
import { many, share, show } from "./format.js";
import { base, caller, line, short, where } from "./names.js";
import { dark, el, hue, keep, state } from "./dom.js";

const CELL = 20;
const difference = { name: "difference", label: "difference", bytes: true };

class Tree {
	constructor() {
		this.parent = [-1];
		this.line = [-1];
		this.total = [0];
		this.delta = [0];
		this.child = [new Map()];
	}
	below(node, l) {
		const d = data(),
			name = d.line_function[l] * 4194304 + (d.line_module[l] >>> 3);
		let c = this.child[node].get(name);
		if (c === undefined) {
			c = this.parent.length;
			this.parent.push(node);
			this.line.push(l);
			this.total.push(0);
			this.delta.push(0);
			this.child.push(new Map());
			this.child[node].set(name, c);
		}
		return c;
	}
	// Stacks that were cut stand apart: their callers are not known.
	cut() {
		if (!this.apart) {
			this.apart = this.parent.length;
			this.parent.push(0);
			this.line.push(-2);
			this.total.push(0);
			this.delta.push(0);
			this.child.push(new Map());
			this.child[0].set("cut", this.apart);
		}
		return this.apart;
	}
	of(n) {
		return this.line[n] >= 0
			? line(this.line[n])
			: {
					function: n ? "(callers unknown: the stack was cut)" : "all",
					file: "",
					module: "",
					line: 0,
				};
	}
	finish() {
		for (let i = this.parent.length - 1; i > 0; i--) {
			this.total[this.parent[i]] += this.total[i];
			this.delta[this.parent[i]] += this.delta[i];
		}
	}
}

// [row, value, change] of every site that counts.
function* weights(measure) {
	const d = data();
	if (measure !== "difference") {
		for (let r = 0; r < d.kept; r++) {
			const v = value(measure, r);
			if (v > 0) yield [r, v, 0];
		}
		return;
	}
	// What is gone is drawn with its old size, to be seen at all.
	for (const [, row, old, , now] of d.diff.rows)
		if (old > 0 || now > 0) yield [row, Math.max(old, now), now - old];
}

export function build(measure, inverted) {
	const d = data(),
		tree = new Tree();
	if (inverted) {
		for (const [row, v, change] of weights(measure)) {
			let at = 0;
			for (let n = caller(row) + 1; n; n = d.node_caller[n - 1])
				at = tree.below(at, d.node_line[n - 1]);
			tree.total[at] += v;
			tree.delta[at] += change;
		}
	} else {
		// A node's caller has the smaller number.
		const of = new Int32Array(d.node_line.length).fill(-1),
			cut = new Set();
		for (const [row] of weights(measure))
			if (d.row_flags[row] & 2) {
				let n = d.row_node[row];
				while (d.node_caller[n]) n = d.node_caller[n] - 1;
				cut.add(n);
			}
		const place = (n) => {
			const path = [];
			let at = n;
			while (of[at] < 0) {
				path.push(at);
				if (!d.node_caller[at]) break;
				at = d.node_caller[at] - 1;
			}
			let node = of[at] >= 0 ? of[at] : cut.has(at) ? tree.cut() : 0;
			for (let i = path.length; i--;)
				node = of[path[i]] = tree.below(node, d.node_line[path[i]]);
			return node;
		};
		for (const [row, v, change] of weights(measure)) {
			const at = place(caller(row));
			tree.total[at] += v;
			tree.delta[at] += change;
		}
	}
	tree.finish();
	return tree;
}

function draw(tree, focus, width) {
	const least = tree.total[focus] / width / 2;
	let hidden = 0,
		drawn = 0,
		deepest = 0;
	const make = (n, depth) => {
		const l = tree.of(n);
		const o = {
			name: tree.line[n] >= 0 ? short(l.function) : l.function,
			node: n,
			value: tree.total[n],
			delta: tree.delta[n],
			module: l.module,
			children: [],
		};
		drawn++;
		deepest = Math.max(deepest, depth);
		return o;
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

function color(d, what, total) {
	if (d.highlight) return dark() ? "#c07cff" : "#b048ff";
	if (what.name === "difference") {
		const x = Math.max(-1, Math.min(1, d.data.delta / (d.data.value || 1)));
		const l = dark() ? 32 : 88 - Math.abs(x) * 28;
		return x > 0
			? `hsl(8 ${20 + 60 * x}% ${l}%)`
			: x < 0
				? `hsl(210 ${20 - 60 * x}% ${l}%)`
				: dark()
					? "#3a3d42"
					: "#e3e5e8";
	}
	if (!d.data.module) return dark() ? "#3a3d42" : "#d9dce0";
	// One hue a module, a shade of it a function.
	const shade = hue(d.data.name);
	return `hsl(${hue(base(d.data.module)) + (shade % 44) - 22} ${dark() ? 38 : 62}% ${dark() ? 27 + (shade % 9) : 73 + (shade % 11)}%)`;
}

export function flame() {
	const choices = measures.filter((m) => known(m.name));
	if (data().diff) choices.push(difference);
	let what = choices.find((m) => m.name === (state.get("measure") ?? favourite())) ?? choices[0];
	let inverted = state.get("invert") === "1",
		tree = null,
		chart = null;
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
	const invert = el(
		"button",
		{
			"aria-pressed": String(inverted),
			title: "callers below callees  ( i )",
			onclick: () => {
				inverted = !inverted;
				keep("invert", inverted ? 1 : null);
				invert.setAttribute("aria-pressed", String(inverted));
				restart();
			},
		},
		"invert",
	);
	const search = el("input", {
		type: "search",
		class: "search",
		placeholder: "search  ( / )",
		"aria-label": "search",
		value: state.get("q") ?? "",
		oninput: () => {
			keep("q", search.value);
			find();
		},
	});
	const found = el("span", { class: "dim", role: "status" });
	const path = el("nav", { class: "path", "aria-label": "zoomed in" });
	const box = el("div", { class: "flame", tabindex: 0, "aria-label": "flame graph" });
	const details = el("div", { class: "details" }, "\u00a0");
	const note = el("p", { class: "dim note" });
	const root = el(
		"div",
		{},
		el("div", { class: "tools" }, el("label", {}, "measure ", pick), invert, search, found),
		path,
		details,
		box,
		note,
	);
	let focus = 0;

	const describe = (n) => {
		const l = tree.of(n);
		const change = what.name === "difference" ? `, change ${show(what, tree.delta[n])}` : "";
		return `${l.function}  ${where(l)}  —  ${show(what, tree.total[n])} (${tree.total[n].toLocaleString("en-US")}), ${share(tree.total[n], tree.total[0])}${change}`;
	};
	function restart() {
		tree = build(what.name, inverted);
		focus = 0;
		keep("zoom", null);
		render();
	}
	function zoom(n) {
		focus = n;
		const steps = [];
		for (let i = n; i > 0; i = tree.parent[i])
			steps.unshift([...tree.child[tree.parent[i]].values()].indexOf(i));
		keep("zoom", steps.join("."));
		render();
	}
	function render() {
		const width = Math.max(300, box.clientWidth || 1000);
		const { root: top, hidden, drawn, deepest } = draw(tree, focus, width);
		box.replaceChildren();
		chart = flamegraph()
			.width(width)
			.height((deepest + 2) * CELL)
			.cellHeight(CELL)
			.inverted(true)
			.selfValue(false)
			.transitionDuration(0)
			.minFrameSize(0)
			.sort((a, b) => b.value - a.value)
			.label((d) => describe(d.data.node))
			.setColorMapper((d) => color(d, what, tree.total[0]))
			.setDetailsHandler(() => {})
			.onHover((d) => {
				details.textContent = describe(d.data.node);
			})
			.setSearchMatch(
				(d, term) => term && d.data.name.toLowerCase().includes(term.toLowerCase()),
			)
			.setSearchHandler((results, sum) => {
				found.textContent = search.value
					? `${many(results.length, "frame")}, ${show(what, sum)} (${share(sum, tree.total[focus])})`
					: "";
			})
			.onClick((d) => {
				if (d.data.node !== focus) setTimeout(() => zoom(d.data.node));
			});
		select(box).datum(top).call(chart);
		settle(width);
		box.dataset.total = tree.total[0];
		box.dataset.drawn = drawn;
		const steps = [];
		for (let i = focus; i > 0; i = tree.parent[i]) steps.unshift(i);
		path.replaceChildren(
			...(focus ? [0, ...steps] : []).map((n) =>
				el(
					"button",
					{ onclick: () => zoom(n), disabled: n === focus },
					short(tree.of(n).function),
				),
			),
		);
		details.textContent = describe(focus);
		note.textContent = [
			hidden
				? `${many(hidden, "group")} of frames ${hidden === 1 ? "is" : "are"} too narrow to draw; click the caller to zoom in.`
				: "",
			what.name === "retained_bytes"
				? "What one site retains may lie within what another one retains: sums count it in both."
				: "",
			what.name === "difference"
				? "Width: the larger of the old and the new size. Red has grown, blue has shrunk."
				: "",
			tree.total[0] ? "" : `Nothing to draw: ${what.label} is zero everywhere.`,
		]
			.filter(Boolean)
			.join(" ");
		if (search.value) find();
	}
	// Frames have their place at once, not after a while.
	function settle(width) {
		select(box)
			.selectAll("g")
			.interrupt()
			.attr("transform", (d) => `translate(${d.x0 * width},${d.depth * CELL})`)
			.select("rect")
			.interrupt()
			.attr("width", (d) => (d.x1 - d.x0) * width);
	}
	function find() {
		if (search.value) chart.search(search.value);
		else {
			found.textContent = "";
			chart.clear();
		}
	}
	root.ready = () => {
		tree = build(what.name, inverted);
		for (const s of (state.get("zoom") ?? "").split(".").filter(Boolean))
			focus = [...tree.child[focus].values()][+s] ?? focus;
		render();
		let width = box.clientWidth;
		new ResizeObserver(() => {
			if (box.clientWidth && box.clientWidth !== width) {
				width = box.clientWidth;
				render();
			}
		}).observe(box);
	};
	root.key = (e) => {
		if (e.key === "i") invert.click();
		else if (e.key === "m") {
			pick.selectedIndex = (pick.selectedIndex + 1) % choices.length;
			pick.dispatchEvent(new Event("change"));
		} else if (e.key === "Escape" || e.key === "0") zoom(0);
		else if (e.key === "u" && focus) zoom(Math.max(0, tree.parent[focus]));
		else return false;
		return true;
	};
	return root;
}
