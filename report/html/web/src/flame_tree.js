// The trees that the flame graph draws: call stacks merged by function, for one measure, in one direction.
import { data, value } from "./data.js";
import { matchedRows, matcher } from "./match.js";
import { caller, line } from "./names.js";

// Boxes are functions of a module; of Python a module is a file.
const keyOf = (d, l) => {
	const module = d.line_module[l] >>> 3;
	return d.line_function[l] * 4194304 + (d.text[module] ? module : d.line_file[l]);
};

export class Tree {
	constructor() {
		this.parent = [-1];
		this.line = [-1];
		this.total = [0];
		this.delta = [0];
		this.child = [new Map()];
	}
	make(node, l, key) {
		const c = this.parent.length;
		this.parent.push(node);
		this.line.push(l);
		this.total.push(0);
		this.delta.push(0);
		this.child.push(new Map());
		this.child[node].set(key, c);
		return c;
	}
	below(node, l) {
		const key = keyOf(data(), l);
		return this.child[node].get(key) ?? this.make(node, l, key);
	}
	// Stacks that were cut have a branch of their own: their callers are not known.
	cut() {
		return (this.apart ??= this.make(0, -2, "cut"));
	}
	of(n) {
		return this.line[n] >= 0
			? line(this.line[n])
			: {
					function: n ? "(callers unknown: the stack was cut)" : (this.name ?? "all"),
					file: "",
					module: "",
					line: 0,
				};
	}
	add(n, v, change) {
		this.total[n] += v;
		this.delta[n] += change;
	}
	finish() {
		for (let i = this.parent.length - 1; i > 0; i--) this.add(this.parent[i], this.total[i], this.delta[i]);
		return this;
	}
	path(n) {
		const path = [];
		for (let i = n; i > 0; i = this.parent[i]) path.unshift(i);
		return path;
	}
}

// The rows of a difference by its name as a measure; undefined: it is not known.
export const differenceRows = (measure) => {
	const { diff } = data();
	return measure === "difference" ? diff?.rows : diff?.by[measure.slice("difference_".length)];
};

// [row, value, change] of every site that counts. Only sites that `only` matches, and none that `without` does.
function* weights(measure, chosen) {
	const d = data(),
		only = matcher(chosen.only ?? ""),
		without = matcher(chosen.without ?? ""),
		keep = only && matchedRows(only),
		drop = without && matchedRows(without),
		counts = (r) => (!keep || keep[r]) && !(drop && drop[r]);
	if (!measure.startsWith("difference")) {
		for (let r = 0; r < d.kept; r++) {
			const v = value(measure, r);
			if (v > 0 && counts(r)) yield [r, v, 0];
		}
		return;
	}
	// What is gone is drawn with its old size, to be seen at all.
	// Of temporary blocks only the number is known.
	const bytes = measure !== "difference_temporary";
	for (const [, row, oldBytes, oldBlocks, newBytes, newBlocks] of differenceRows(measure)) {
		const old = bytes ? oldBytes : oldBlocks,
			now = bytes ? newBytes : newBlocks;
		if ((old > 0 || now > 0) && counts(row)) yield [row, Math.max(old, now), now - old];
	}
}

// Where a site's stack begins: at the caller of the allocator, or with the library's frames below it.
const start = (row, chosen) => (chosen.library ? data().row_node[row] : caller(row));
// Frames of Python's import system, which lie between a module and what it imports, belong to the library, too.
let importer = null;
function shows(l, chosen) {
	const d = data();
	importer ??= d.text.map((t) => t.startsWith("<frozen importlib"));
	return chosen.library || !importer[d.line_file[l]];
}
// The lines of a stack, innermost first.
function* linesOfStack(row, chosen) {
	const d = data();
	for (let n = start(row, chosen) + 1; n; n = d.node_caller[n - 1]) {
		const l = d.node_line[n - 1];
		if (shows(l, chosen)) yield l;
	}
}

// chosen: {library, only, without}
export function build(measure, inverted, chosen) {
	return inverted ? buildInverted(measure, chosen) : buildDown(measure, chosen);
}

function buildInverted(measure, chosen) {
	const tree = new Tree();
	for (const [row, v, change] of weights(measure, chosen)) {
		let at = 0;
		for (const l of linesOfStack(row, chosen)) at = tree.below(at, l);
		tree.add(at, v, change);
	}
	return tree.finish();
}

function buildDown(measure, chosen) {
	const d = data(),
		tree = new Tree(),
		sites = [...weights(measure, chosen)],
		of = new Int32Array(d.node_line.length).fill(-1),
		cut = new Set();
	for (const [row] of sites)
		if (d.row_flags[row] & 2) {
			let n = d.row_node[row];
			while (d.node_caller[n]) n = d.node_caller[n] - 1;
			cut.add(n);
		}
	// A node's caller has the smaller number.
	const place = (n) => {
		const path = [];
		let at = n;
		while (of[at] < 0) {
			path.push(at);
			if (!d.node_caller[at]) break;
			at = d.node_caller[at] - 1;
		}
		let node = of[at] >= 0 ? of[at] : cut.has(at) ? tree.cut() : 0;
		for (let i = path.length; i--;) {
			const l = d.node_line[path[i]];
			node = of[path[i]] = shows(l, chosen) ? tree.below(node, l) : node;
		}
		return node;
	};
	for (const [row, v, change] of sites) tree.add(place(start(row, chosen)), v, change);
	return tree.finish();
}

// Of every stack with a function of this name: what it called below its outermost call, and who called that.
export function sandwich(measure, name, chosen) {
	const d = data(),
		callees = new Tree(),
		callers = new Tree();
	callees.name = callers.name = name;
	for (const [row, v, change] of weights(measure, chosen)) {
		const nodes = [...linesOfStack(row, chosen)],
			outermost = nodes.findLastIndex((l) => d.text[d.line_function[l]] === name);
		if (outermost < 0) continue;
		let at = 0;
		for (let i = outermost - 1; i >= 0; i--) at = callees.below(at, nodes[i]);
		callees.add(at, v, change);
		at = 0;
		for (let i = outermost + 1; i < nodes.length; i++) at = callers.below(at, nodes[i]);
		callers.add(at, v, change);
	}
	return { callees: callees.finish(), callers: callers.finish() };
}

// The lines of the source that one box stands for, [line, value], largest first: one function may have been
// left by calls in several of its lines.
export function linesOf(tree, node, measure, inverted, chosen) {
	const d = data(),
		keys = tree.path(node).map((n) => keyOf(d, tree.line[n])),
		sums = new Map();
	for (const [row, v] of weights(measure, chosen)) {
		const nodes = [...linesOfStack(row, chosen)];
		if (!inverted) nodes.reverse();
		if (nodes.length < keys.length || keys.some((k, i) => k !== keyOf(d, nodes[i]))) continue;
		const l = nodes[keys.length - 1],
			at = `${d.line_file[l]}:${d.line_line[l]}`,
			known = sums.get(at);
		if (known) known[1] += v;
		else sums.set(at, [l, v]);
	}
	return [...sums.values()].sort((a, b) => b[1] - a[1]);
}
