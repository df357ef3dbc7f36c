// What the command wrote into the page, and how numbers and places read.
const parse = (id) => JSON.parse(document.getElementById(id).textContent);
export const head = parse("head");

// Callers are written as the distance to them.
function prepare(d) {
	d.node_caller = Int32Array.from(d.node_up, (up, i) => (up ? i - up + 1 : 0));
	return d;
}
let cache = null;
// Parsed at first use: the cards are painted before.
export function data() {
	return (cache ??= prepare(parse("data")));
}

export const measures = [
	["live_bytes", "live", true], ["peak_bytes", "at peak", true], ["total_bytes", "total", true],
	["live_blocks", "blocks", false], ["total_blocks", "allocations", false], ["temporary", "temporary", false],
	["lost_bytes", "lost", true], ["retained_bytes", "retained", true],
].map(([name, label, bytes]) => ({ name, label, bytes }));

// undefined: not known in this snapshot or for this selection. An empty column is all zeros.
export const known = (name) => data()[name] !== undefined;
export const value = (name, row) => data()[name]?.[row] ?? 0;
export function sum(name) {
	let all = 0;
	for (const n of data()[name] ?? []) all += n;
	return all;
}

const units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
export function bytes(n) {
	const sign = n < 0 ? "-" : "";
	let x = Math.abs(n), u = 0;
	if (x < 1024) return `${n} B`;
	while (x >= 999.5 && u < 6) { x /= 1024; u++; }
	return `${sign}${x >= 99.95 ? x.toFixed(0) : x >= 9.995 ? x.toFixed(1) : x.toFixed(2)} ${units[u]}`;
}
export const count = (n) => n.toLocaleString("en-US");
export const many = (n, one) => `${count(n)} ${one}${n === 1 ? "" : "s"}`;
export const signed = (f, n) => (n > 0 ? "+" : "") + f(n);
export const show = (m, n) => (m.bytes ? bytes(n) : count(n));
export const share = (n, all) => (all > 0 ? `${((100 * n) / all).toFixed(1)} %` : "");
export function duration(ns) {
	for (const [size, unit] of [[3600e9, "h"], [60e9, "min"], [1e9, "s"], [1e6, "ms"], [1e3, "µs"]])
		if (ns >= size) return `${+(ns / size).toPrecision(3)} ${unit}`;
	return `${ns} ns`;
}
export const base = (path) => path.slice(path.lastIndexOf("/") + 1);

// One line of code. Flags: 1 inlined, 2 an allocator's wrapper, 4 the name is made from the address.
export function line(n) {
	const d = data();
	return { function: d.text[d.line_function[n]], file: d.text[d.line_file[n]], line: d.line_line[n],
		module: d.text[d.line_module[n] >>> 3], flags: d.line_module[n] & 7 };
}
export const where = (l) => (l.file ? `${base(l.file)}:${l.line}` : l.module && !(l.flags & 4) ? base(l.module) : "");
// Without parameters, return type and template arguments: "ns::f<…>".
const shorts = new Map();
export function short(name) {
	let known = shorts.get(name);
	if (known === undefined) shorts.set(name, (known = shorten(name)));
	return known;
}
function shorten(name) {
	// "operator<", "operator->", "operator()" are names, not brackets.
	const text = name.replace(/operator(\(\)|<=>|<<=?|>>=?|<=?|>=?|->\*?)/g, (o) => [...o].map((c) => ({ "<": "\u0001", ">": "\u0002", "(": "\u0003", ")": "\u0004" })[c] ?? c).join(""));
	let out = "", depth = 0, round = 0, brace = 0;
	for (let i = 0; i < text.length; i++) {
		const c = text[i];
		if (c === "<") { if (!depth++ && !round) out += "<…>"; continue; }
		if (c === ">" && depth) { depth--; continue; }
		if (depth) continue;
		// A list of parameters ends the name, unless a part of it follows: "f(int)::{lambda}", "(anonymous namespace)::f".
		if (c === "(" && !round && !brace && i && text[i - 1] !== ":" && text[i - 1] !== " ") {
			let end = i, open = 0;
			do { open += (text[end] === "(") - (text[end] === ")"); end++; } while (open && end < text.length);
			if (!text.startsWith("::", end)) break;
			i = end - 1;
			continue;
		}
		round += (c === "(") - (c === ")");
		brace += (c === "{") - (c === "}");
		out += c;
	}
	// What stands before the last blank outside of brackets is the return type.
	const blank = /^[\w:<>…*& ]+ ([\w:~<>…\u0001-\u0004\[\]=+*/%^&|!,-]+)$/.exec(out);
	if (blank && text.includes("(") && !out.includes("operator")) out = blank[1];
	return out.replace(/[\u0001-\u0004]/g, (c) => "<>()"["\u0001\u0002\u0003\u0004".indexOf(c)]) || name;
}

// Nodes of a row's stack, innermost first.
export function stack(row) {
	const d = data(), nodes = [];
	for (let n = d.row_node[row] + 1; n; n = d.node_caller[n - 1]) nodes.push(n - 1);
	return nodes;
}
export function caller(row) {
	const d = data();
	let n = d.row_node[row];
	for (let i = d.row_skip[row]; i && d.node_caller[n]; i--) n = d.node_caller[n] - 1;
	return n;
}
export const place = (row) => line(data().node_line[caller(row)]);
export function placeText(row) {
	const l = place(row), w = where(l);
	return w ? `${short(l.function)} ${w}` : short(l.function);
}

// A program that has freed nearly everything still has a peak worth looking at.
export const pastItsPeak = () => known("peak_bytes") && sum("live_bytes") < sum("peak_bytes") / 4;
export const favourite = () => (pastItsPeak() || !known("live_bytes") ? "peak_bytes" : "live_bytes");
