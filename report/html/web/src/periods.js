// Periods of a run: the time between two marks. The address selects some of them (span=FROM-TO), and then all views show
// only blocks that were born in these.
import { data, head } from "./data.js";
import { duration } from "./format.js";
import { el, keep, state } from "./dom.js";

const periodStart = (k) => (k > 0 ? data().info.marks[k - 1].elapsed_ns : 0);
const periodEnd = (k) => data().info.marks[k]?.elapsed_ns ?? head.elapsed_ns;
export const markName = (k) => {
	const m = data().info.marks[k];
	return m ? m.name || m.kind : "the snapshot";
};
// [from, to): periods that the address selects; null: all.
export function spanOf() {
	const m = /^(\d+)-(\d+)$/.exec(state.get("span") ?? "");
	return m && data().thread_row && +m[1] < +m[2] ? [+m[1], +m[2]] : null;
}
export function spanBar() {
	const span = spanOf();
	if (!span) return [];
	const [from, to] = span;
	return [
		`Live bytes and blocks are only those born between ${from ? markName(from - 1) : "the start"} (${duration(periodStart(from))}) and ${markName(to - 1)} (${duration(periodEnd(to - 1))}). `,
		el(
			"button",
			{
				onclick: () => {
					keep("span", null);
					dispatchEvent(new HashChangeEvent("hashchange"));
				},
			},
			"show all",
		),
	];
}
// The periods that a stretch of time touches.
export function periodsOf(from, to) {
	const n = data().info.marks.length;
	let a = 0,
		b = n + 1;
	while (a < n && periodEnd(a) <= from) a++;
	while (b > a + 1 && periodStart(b - 1) >= to) b--;
	return [a, b];
}
