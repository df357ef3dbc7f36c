// Names and places of lines of code, and the stacks of rows.
import { data } from "./data.js";

export const base = (path) => path.slice(path.lastIndexOf("/") + 1);

// One line of code. Flags: 1 inlined, 2 an allocator's wrapper, 4 the name is made from the address.
export function line(n) {
	const d = data();
	return {
		function: d.text[d.line_function[n]],
		file: d.text[d.line_file[n]],
		line: d.line_line[n],
		module: d.text[d.line_module[n] >>> 3],
		flags: d.line_module[n] & 7,
	};
}
export const where = (l) =>
	l.file ? `${base(l.file)}:${l.line}` : l.module && !(l.flags & 4) ? base(l.module) : "";
// Without parameters, return type and template arguments: "ns::f<…>".
const shorts = new Map();
export function short(name) {
	let known = shorts.get(name);
	if (known === undefined) shorts.set(name, (known = shorten(name)));
	return known;
}
function shorten(name) {
	// Names of Python and of JIT compilers: "<module>", "<frozen importlib>", "outer.<locals>.inner".
	if (/^<[^<>]*>$|(^|\.)<(locals|lambda|listcomp|dictcomp|setcomp|genexpr)>/.test(name)) return name;
	// "operator<", "operator->", "operator()" are names, not brackets.
	const text = name.replace(/operator(\(\)|<=>|<<=?|>>=?|<=?|>=?|->\*?)/g, (o) =>
		[...o]
			.map((c) => ({ "<": "\u0001", ">": "\u0002", "(": "\u0003", ")": "\u0004" })[c] ?? c)
			.join(""),
	);
	let out = "",
		depth = 0,
		round = 0,
		brace = 0;
	for (let i = 0; i < text.length; i++) {
		const c = text[i];
		if (c === "<") {
			if (!depth++ && !round) out += "<…>";
			continue;
		}
		if (c === ">" && depth) {
			depth--;
			continue;
		}
		if (depth) continue;
		// A list of parameters ends the name, unless a part of it follows: "f(int)::{lambda}", "(anonymous namespace)::f".
		if (c === "(" && !round && !brace && i && text[i - 1] !== ":" && text[i - 1] !== " ") {
			let end = i,
				open = 0;
			do {
				open += (text[end] === "(") - (text[end] === ")");
				end++;
			} while (open && end < text.length);
			if (!text.startsWith("::", end)) break;
			i = end - 1;
			continue;
		}
		round += (c === "(") - (c === ")");
		brace += (c === "{") - (c === "}");
		out += c;
	}
	// The text before the last blank outside of brackets is the return type.
	const blank = /^[\w:<>…*& ]+ ([\w:~<>…\u0001-\u0004\[\]=+*/%^&|!,-]+)$/.exec(out);
	if (blank && text.includes("(") && !out.includes("operator")) out = blank[1];
	return out.replace(/[\u0001-\u0004]/g, (c) => "<>()"["\u0001\u0002\u0003\u0004".indexOf(c)]) || name;
}

// Nodes of a row's stack, innermost first.
export function stack(row) {
	const d = data(),
		nodes = [];
	for (let n = d.row_node[row] + 1; n; n = d.node_caller[n - 1]) nodes.push(n - 1);
	return nodes;
}
// The node some lines above the one that allocates.
function above(row, lines) {
	const d = data();
	let n = d.row_node[row];
	for (; lines > 0 && d.node_caller[n]; lines--) n = d.node_caller[n] - 1;
	return n;
}
// The caller of the allocator.
export const caller = (row) => above(row, data().row_skip[row]);
// The node that names a row: the nearest function with a name, beyond the allocator's wrappers.
export const named = (row) => above(row, data().row_name[row]);
export const place = (row) => line(data().node_line[named(row)]);
// The type that most of a site's bytes have; "" where it is not known.
export function typeOf(row) {
	const d = data(),
		n = d.row_type?.[row] ?? -1;
	return n < 0 ? "" : d.text[n];
}
export function placeText(row) {
	const l = place(row),
		w = where(l);
	return w ? `${short(l.function)} ${w}` : short(l.function);
}
// What follows the place of a row: what a container did for it, and the caller by which rows of one name differ.
export function more(row) {
	const d = data(),
		at = (lines) => line(d.node_line[above(row, lines - 1)]);
	let text = "";
	if (d.row_library[row]) text += ` · ${short(at(d.row_library[row]).function)}`;
	if (d.row_tell[row] > 1) {
		const l = at(d.row_tell[row]);
		// Of one file the line is enough.
		text += ` ← ${short(l.function)}${l.file ? (l.file === place(row).file ? `:${l.line}` : ` ${where(l)}`) : ""}`;
	}
	return text;
}
