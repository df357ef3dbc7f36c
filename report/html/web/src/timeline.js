// Memory over time: live bytes and resident memory on scales of their own, the exact peak, who held memory when, and a
// span of time for the other views.
import { data, head } from "./data.js";
import { bytes, count, duration } from "./format.js";
import { el, keep, onWidth } from "./dom.js";
import { holdersTable, markMoment, momentAt, moments, whoHeld } from "./held.js";
import { searchTexts } from "./match.js";
import { markName, periodsOf } from "./periods.js";
import { table } from "./table.js";
import { timePlots } from "./time_plots.js";

export function timeline() {
	const d = data(),
		{ marks } = d.info;
	const nothing = head.unprepared ? "There is no timeline: the process was not started with tidemark." : "The snapshot has no timeline: it was taken too early for one, or its ledger was lost.",
		anyRss = d.time_rss_bytes?.some((n) => n);
	if (!d.time_ns.length && !d.history) return el("p", { class: "empty" }, nothing);
	const lists = [];
	const who = el("div", {}),
		whoLead = el("p", { class: "lead" });
	const pickers = el("div", { class: "tools", role: "group", "aria-label": "moment" });
	let stretch = null;

	function ask(what) {
		for (const b of pickers.querySelectorAll("button")) b.setAttribute("aria-pressed", String(b.dataset.kind === what.kind));
		const list = holdersTable(what);
		whoLead.textContent = whoHeld(what);
		who.replaceChildren(list);
		list.ready();
		lists[0] = list;
	}
	for (const [kind, text] of moments()) pickers.append(el("button", { "data-kind": kind, "aria-pressed": "false", onclick: () => ask({ kind }) }, text));
	const select = el(
		"button",
		{
			hidden: true,
			onclick: () => {
				keep("span", `${stretch[0]}-${stretch[1]}`);
				dispatchEvent(new HashChangeEvent("hashchange"));
			},
		},
		"select this span",
	);

	const f = (key, label, format) => ({ name: key, label, class: "number", text: (m) => format(m[key]), sort: (m) => m[key] });
	const list = table({
		id: "mark",
		rows: () => marks,
		sort: "elapsed_ns",
		key: (m) => String(marks.indexOf(m)),
		search: searchTexts((m) => `${m.name} ${m.kind}`),
		columns: [
			f("elapsed_ns", "after", duration),
			f("live_bytes", "live", bytes),
			f("live_blocks", "blocks", count),
			{ name: "kind", label: "kind", text: (m) => m.kind, sort: (m) => m.kind },
			{ name: "name", label: "mark", width: "minmax(8em,1fr)", text: (m) => m.name || "(without a name)", sort: (m) => m.name },
		],
		detail: (m) => {
			const k = marks.indexOf(m);
			return d.thread_row
				? el(
						"p",
						{},
						el("button", { onclick: () => ask(d.history && m.kind === "snapshot" ? momentAt(m.elapsed_ns) : markMoment(m.elapsed_ns)) }, "who held memory then"),
						" ",
						el(
							"button",
							{
								"data-span": `${k + 1}-${marks.length + 1}`,
								onclick: (e) => {
									keep("span", e.target.dataset.span);
									dispatchEvent(new HashChangeEvent("hashchange"));
								},
							},
							"show only blocks born after it in all views",
						),
					)
				: el("p", { class: "dim" }, "The snapshot has no list of blocks, so it does not know which of them are older.");
		},
	});
	lists[1] = list;

	// What is zoomed to can be selected for all views, by whole periods.
	function offer(span) {
		select.hidden = !span || !d.thread_row || !marks.length;
		if (select.hidden) return;
		stretch = periodsOf(...span);
		select.textContent = `show only blocks born between ${stretch[0] ? markName(stretch[0] - 1) : "the start"} and ${markName(stretch[1] - 1)} in all views`;
	}
	const box = { live: el("div", { class: "plot" }), resident: el("div", { class: "plot" }), layers: el("div", { class: "plot" }) },
		{ plots, draw } = timePlots(box, (ns) => ask(momentAt(ns)), offer);
	const root = el(
		"div",
		{},
		d.time_ns.length
			? [
					el("h2", {}, "Live memory of the program"),
					box.live,
					el("h2", {}, "Resident memory (RSS), and how much of it is live"),
					box.resident,
					anyRss ? null : el("p", { class: "dim" }, "Resident memory was not recorded."),
				]
			: el("p", { class: "dim" }, nothing),
		d.time_private_bytes?.some((n) => n)
			? el("p", { class: "dim" }, "Private is resident memory without files and shared memory: heap, stacks and variables. What of it lies above live is free, or not of the heap.")
			: null,
		d.history ? [el("h2", {}, `Live memory by site, at ${d.history.elapsed_ns.length} snapshots`), box.layers] : null,
		el("p", { class: "dim" }, "Drag to zoom, double-click to see all; a click asks who held memory at that moment. The peak is exact, other points are samples."),
		el("div", { class: "tools" }, select),
		el("h2", {}, "Who held memory"),
		pickers,
		whoLead,
		who,
		marks.length
			? [el("h2", {}, "Marks"), list]
			: el("p", { class: "dim" }, 'The run has no marks, so nothing is known of moments in between: tide_mark("name") in the program sets them, and run --every takes snapshots that this report can be made of.'),
	);
	root.ready = () => {
		draw();
		if (marks.length) list.ready();
		ask(d.peak_bytes ? { kind: "peak" } : { kind: "end" });
		onWidth(d.time_ns.length ? box.live : box.layers, draw);
	};
	root.print = (on) => {
		for (const l of lists) if (l?.isConnected) l.print(on);
		for (const u of plots) {
			const width = u.root.parentElement.clientWidth;
			u.setSize({ width: on ? Math.min(680, width) : width, height: u.height });
		}
	};
	return root;
}
