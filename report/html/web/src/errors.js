// Errors of the program with its memory, as the library saw them: double frees and their kin.
import { data } from "./data.js";
import { count, many } from "./format.js";
import { short } from "./names.js";
import { el } from "./dom.js";

const STACKS = [
	["stack", "Freed by"],
	["first_free", "First freed by"],
	["allocation", "Allocated by"],
];
const base = (path) => path.slice(path.lastIndexOf("/") + 1);
const where = (f) => (f.file ? `${base(f.file)}:${f.line}` : f.module ? base(f.module) : "");
// Wrappers of the allocator stand first in a stack: what called them is the program's.
const WRAPPER = /^(operator (new|delete)|str(n)?dup|__str(n)?dup|x?(m|c|re)alloc)\b/;
export const errorPlace = (e) => {
	const stack = e.stack ?? [];
	return stack.find((f) => !WRAPPER.test(f.function)) ?? stack[0];
};
export const errorList = () => data().info.errors ?? [];

function frames(stack) {
	return el(
		"ol",
		{ class: "stack" },
		stack.map((f) =>
			el("li", {}, el("b", {}, short(f.function)), el("span", { class: "dim" }, ` ${where(f)}`)),
		),
	);
}

// Above the leaks; null without any.
export function errors() {
	const list = errorList();
	if (!list.length) return null;
	const total = list.reduce((n, e) => n + e.count, 0);
	return el(
		"section",
		{ class: "errors" },
		el("h2", {}, `${many(total, "error")} of the program`),
		list.map((e) =>
			el(
				"details",
				{ open: list.length <= 3 },
				el(
					"summary",
					{},
					el("span", { class: "tag bad" }, e.kind.replace("-", " ")),
					` ${e.text}`,
					e.count > 1 ? el("span", { class: "dim" }, ` × ${count(e.count)}`) : null,
				),
				STACKS.map(([name, label]) =>
					e[name] ? [el("h3", {}, label), frames(e[name])] : null,
				),
			),
		),
	);
}
