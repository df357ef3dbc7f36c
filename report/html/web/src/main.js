// The page: cards, tabs, keys. A view is made when it is opened.
import { head, load, setSpan } from "./data.js";
import { bytes, count, duration, many, share } from "./format.js";
import { base } from "./names.js";
import { el, readState, state } from "./dom.js";
import { findings } from "./findings.js";
import { dominators } from "./dominators.js";
import { flame } from "./flame.js";
import { leaks } from "./leaks.js";
import { memory } from "./memory.js";
import { sizeOf, threadsOf } from "./groups.js";
import { details, histograms, threads } from "./process.js";
import { differences, sites } from "./sites.js";
import { spanBar, spanOf } from "./periods.js";
import { timeline } from "./timeline.js";
import { types } from "./types.js";
import "./style.css";

const views = [
	["flame", "Flame graph", flame],
	["sites", "Sites", sites],
	["leaks", "Leaks", leaks],
	["diff", "Differences", differences],
	["dominators", "Owners", dominators],
	["memory", "Memory", memory],
	["types", "Types", types],
	["timeline", "Timeline", timeline],
	["histograms", "Histograms", histograms],
	["threads", "Threads", threads],
	["details", "Process", details],
];

function card(title, big, small, kind, view) {
	return el(
		"a",
		{ class: `card ${kind ?? ""}`, href: `#view=${view}`, id: `card-${title}` },
		el("span", {}, title),
		el("b", {}, big),
		el("small", {}, small),
	);
}
// What the resident memory is besides live blocks: the largest first.
function restText() {
	const r = head.rest;
	if (!head.rss_bytes) return "";
	if (!r || head.live_resident === undefined)
		return `${share(head.totals.live_bytes, head.rss_bytes)} of it is live heap`;
	const parts = [
		["free and the allocator's", r.heap_free],
		["files", r.files],
		["stacks", r.stacks],
		["globals", r.globals],
		["mappings", r.mappings],
		["profiler", r.profiler],
	]
		.filter((p) => p[1] > r.all / 50)
		.sort((a, b) => b[1] - a[1])
		.slice(0, 2);
	return `live heap is ${share(head.live_resident, head.resident)} of it${parts.length ? `; the rest: ${parts.map(([name, n]) => `${name} ${share(n, head.resident)}`).join(", ")}` : ""}`;
}
const NOT_STARTED = "the process was not started with tidemark";
function cards() {
	const t = head.totals,
		l = head.leaks,
		old = head.old;
	const all = [
		card("live", bytes(t.live_bytes), many(t.live_blocks, "block"), "", "sites"),
		head.unprepared
			? card("peak", "not known", NOT_STARTED, "", "timeline")
			: card("peak", bytes(head.process_peak_bytes), `at the peak of the process`, "", "timeline"),
		card(
			"RSS",
			head.rss_bytes ? bytes(head.rss_bytes) : "unknown",
			restText(),
			"",
			head.rest ? "memory" : "timeline",
		),
		head.unprepared
			? card("total", "not known", NOT_STARTED, "", "histograms")
			: card(
					"total",
					bytes(t.total_bytes),
					`${many(t.total_blocks, "allocation")}, ${t.temporary ? share(t.temporary, t.total_blocks) : "none"} temporary`,
					"",
					"histograms",
				),
		l.known
			? card(
					"lost",
					bytes(l.lost.bytes),
					[
						l.root_leaks && many(l.root_leaks, "root leak"),
						l.root_cycles && many(l.root_cycles, "root cycle"),
					]
						.filter(Boolean)
						.join(", ") || "nothing",
					l.lost.blocks ? "bad" : l.complete ? "good" : "warn",
					"leaks",
				)
			: card("lost", "unknown", l.why, "warn", "leaks"),
		card(
			"coverage",
			head.snapshot.complete ? "complete" : "incomplete",
			head.unprepared ? "heap walked: no call stacks" : `${many(head.sites, "site")} in ${duration(head.elapsed_ns)}`,
			head.snapshot.complete ? "" : "warn",
			"details",
		),
		card(
			"warnings",
			count(head.warnings.length),
			head.warnings.length ? "listed below" : "none",
			head.warnings.length ? "warn" : "",
			"details",
		),
	];
	if (old) {
		const by = t.live_bytes - old.totals.live_bytes;
		all.splice(
			1,
			0,
			card(
				"change",
				`${by > 0 ? "+" : ""}${bytes(by)}`,
				`since ${old.file}`,
				by > 0 ? "bad" : "good",
				"diff",
			),
		);
	}
	return el("div", { class: "cards" }, all);
}

const keys = [
	["1 – 9", "a view"],
	["/", "search"],
	["↑ ↓ Home End", "rows of a table"],
	["← → ↑ ↓ Enter", "flame graph: from frame to frame, zoom"],
	["i", "flame graph: invert"],
	["l", "flame graph: frames of libraries"],
	["s", "flame graph: callers and callees of a function"],
	["m", "flame graph: next measure"],
	["u, Esc", "one step, or all the way, up"],
	["?", "this list"],
];
const help = el(
	"dialog",
	{},
	el("h2", {}, "Keys"),
	el(
		"dl",
		{},
		keys.map(([k, what]) => [el("dt", {}, el("kbd", {}, k)), el("dd", {}, what)]),
	),
	el("form", { method: "dialog" }, el("button", {}, "close")),
);
const told = el("ul", { class: "findings", "aria-label": "findings" });
const tabs = views.map(([id, title], i) =>
	el(
		"a",
		{
			href: `#view=${id}`,
			id: `tab-${id}`,
			title: i < 9 ? `( ${i + 1} )` : null,
			onclick: (e) => {
				if (e.ctrlKey || e.metaKey || e.shiftKey || e.button) return;
				e.preventDefault();
				visit(id);
			},
		},
		title,
	),
);
const main = el("main", { id: "view", tabindex: -1 }),
	chosenSpan = el("div", { class: "span-bar", role: "status" });
let open = null,
	openId = "";

// A tab is opened as it was left: zoom, search, order and chosen row are in the address.
const left = new Map();
function visit(id) {
	if (openId === id) return;
	const to = new URLSearchParams(left.get(id) ?? { view: id });
	// The selected span of time holds for all views.
	if (state.has("span")) to.set("span", state.get("span"));
	else to.delete("span");
	location.hash = to;
}

function show() {
	if (openId && main.dataset.ready) left.set(openId, new URLSearchParams([...state]).toString());
	readState();
	const found = views.find(([id]) => id === state.get("view")) ?? views[0];
	const [id, , make] = found;
	openId = id;
	tabs.forEach((t) => t.setAttribute("aria-current", t.id === `tab-${id}` ? "page" : "false"));
	tabs.find((t) => t.id === `tab-${id}`).scrollIntoView({ block: "nearest", inline: "nearest" });
	main.dataset.view = id;
	const started = performance.now();
	try {
		if (!told.childElementCount) {
			setSpan(null, null, null);
			told.append(...findings());
		}
		setSpan(spanOf(), sizeOf(), threadsOf());
		chosenSpan.replaceChildren(...spanBar());
		open = make();
		main.replaceChildren(open);
		open.ready?.();
	} catch (e) {
		main.replaceChildren(el("p", { class: "empty" }, `This view cannot be drawn: ${e.message}`));
		console.error(e);
	}
	main.dataset.ms = Math.round(performance.now() - started);
	main.dataset.ready = id;
}

document.title = `${base(head.snapshot.exe)} ${bytes(head.totals.live_bytes)} live — tidemark`;
document.getElementById("app").replaceChildren(
	el(
		"header",
		{},
		el(
			"a",
			{
				class: "skip",
				href: "#",
				onclick: (e) => {
					e.preventDefault();
					main.focus();
				},
			},
			"Skip to the view",
		),
		el(
			"h1",
			{},
			base(head.snapshot.exe),
			el(
				"small",
				{},
				` ${head.when}, process ${head.snapshot.pid}, ${new Date(head.taken_ms).toLocaleString()}`,
			),
		),
		el("p", { class: "dim command" }, head.command),
		head.selection.length
			? el("p", { class: "selection" }, `Selected: ${head.selection.join(" ")}`)
			: null,
		cards(),
		told,
		head.warnings.length
			? el(
					"ul",
					{ class: "warnings" },
					head.warnings.map((w) => el("li", {}, w)),
				)
			: null,
	),
	el(
		"nav",
		{ class: "tabs", "aria-label": "views" },
		tabs,
		el("button", { onclick: () => help.showModal(), title: "keys  ( ? )" }, "?"),
	),
	chosenSpan,
	main,
	help,
);

addEventListener("beforeprint", () => open?.print?.(true));
addEventListener("afterprint", () => open?.print?.(false));
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => open && show());
addEventListener("keydown", (e) => {
	const typing = e.target instanceof HTMLInputElement && e.target.type !== "checkbox";
	if (e.ctrlKey || e.metaKey || e.altKey) return;
	if (typing) {
		if (e.key === "Escape") e.target.blur();
		return;
	}
	if (e.target instanceof HTMLSelectElement) return;
	if (e.key >= "1" && e.key <= "9") visit(views[e.key - 1][0]);
	else if (e.key === "/") {
		const s = main.querySelector("input.search");
		if (!s?.offsetParent) return;
		s.focus();
		s.select();
	} else if (e.key === "?") help.showModal();
	else if (!open?.key?.(e)) return;
	e.preventDefault();
});
// The cards first: the data of a large snapshot takes a moment to read.
document.body.dataset.view = openId;
requestAnimationFrame(() =>
	setTimeout(async () => {
		try {
			await load();
		} catch (e) {
			main.replaceChildren(el("p", { class: "empty" }, `The report cannot be read: ${e.message}.`));
			return;
		}
		addEventListener("hashchange", show);
		show();
	}),
);
