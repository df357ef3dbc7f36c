// What a reader would find first, in a sentence each, with the line to look at.
import { data, head, known, pastItsPeak, sum, value } from "./data.js";
import { bytes, count, many, share, signed } from "./format.js";
import { caller, line, more, place, short, where } from "./names.js";
import { el } from "./dom.js";
import { errorList, errorPlace } from "./errors.js";

function largest(name) {
	const column = data()[name] ?? [];
	let best = -1;
	for (let i = 0; i < column.length; i++)
		if (column[i] > 0 && (best < 0 || column[i] > column[best])) best = i;
	return best;
}
function at(row) {
	const l = place(row),
		after = more(row);
	if (after) return [el("b", {}, short(l.function)), el("span", { class: "dim" }, ` ${where(l)}${after}`)];
	// A place without a name or line is explained by the function that led there.
	const d = data();
	let n = caller(row);
	while (
		l.flags & 4 &&
		d.node_caller[n] &&
		(line(d.node_line[n]).flags & 4 || !line(d.node_line[n]).file)
	)
		n = d.node_caller[n] - 1;
	const named = line(d.node_line[n]);
	return [
		el("b", {}, short(l.function)),
		el("span", { class: "dim" }, ` ${where(l)}`),
		named.function !== l.function &&
		named.file &&
		!/^(_start|__libc_start|start_thread|clone|_dl_|call_init)/.test(named.function)
			? el("span", { class: "dim" }, ` ← ${short(named.function)} ${where(named)}`)
			: null,
	];
}
const item = (kind, href, ...text) => el("li", { class: kind }, el("a", { href }, text));

export function findings() {
	const d = data(),
		list = [];
	for (const e of errorList().slice(0, 3)) {
		const f = errorPlace(e);
		list.push(
			item(
				"bad",
				"#view=leaks",
				`Error: ${e.text}`,
				f ? [", by ", el("b", {}, short(f.function))] : null,
				f?.file
					? el("span", { class: "dim" }, ` ${f.file.slice(f.file.lastIndexOf("/") + 1)}:${f.line}`)
					: null,
			),
		);
	}
	const leak =
		d.groups?.reduce(
			(a, g, i) => (a < 0 || g.retained_bytes > d.groups[a].retained_bytes ? i : a),
			-1,
		) ?? -1;
	if (leak >= 0 && head.leaks.known && head.leaks.lost.blocks) {
		const g = d.groups[leak];
		list.push(
			item(
				"bad",
				`#view=leaks&row=${leak}`,
				`Largest leak: ${bytes(g.retained_bytes)} in ${many(g.retained_blocks, "block")}, `,
				`${many(g.roots, g.kind === "cycle" ? "root cycle" : "root leak")} of `,
				at(g.row),
			),
		);
	}
	if (d.diff) {
		const grown = d.diff.rows.reduce(
			(a, r) => (r[4] - r[2] > (a ? a[4] - a[2] : 0) ? r : a),
			null,
		);
		if (grown)
			list.push(
				item(
					"warn",
					`#view=diff&row=${d.diff.kinds[grown[0]]}${grown[1]}`,
					`Grown most: ${signed(bytes, grown[4] - grown[2])} by `,
					at(grown[1]),
				),
			);
	}
	const name = pastItsPeak() ? "peak_bytes" : "live_bytes",
		most = known(name) ? largest(name) : -1;
	if (most >= 0)
		list.push(
			item(
				"",
				`#view=sites&sort=${name}&row=${most}`,
				name === "peak_bytes" ? "Most at the peak: " : "Most live: ",
				`${bytes(value(name, most))} (${share(value(name, most), sum(name))}) by `,
				at(most),
			),
		);
	const t = head.totals,
		churn = largest("temporary");
	// A site with less than a twentieth of them is not worth a line.
	if (churn >= 0 && t.temporary > t.total_blocks / 4 && value("temporary", churn) * 20 >= t.temporary)
		list.push(
			item(
				"",
				`#view=sites&sort=temporary&row=${churn}`,
				`Most short-lived allocations: ${count(value("temporary", churn))} (${share(value("temporary", churn), t.temporary)}) by `,
				at(churn),
			),
		);
	return list;
}
