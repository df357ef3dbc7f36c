// What the report leaves to the command: a line to type, as it stands, and a button that copies it.
import { head } from "./data.js";
import { el } from "./dom.js";

export async function copy(button, text) {
	const before = button.textContent;
	try {
		await navigator.clipboard.writeText(text);
	} catch {
		// Pages of a file have no clipboard in some browsers.
		const area = el("textarea", { "aria-label": "text to copy" });
		area.value = text;
		document.body.append(area);
		area.select();
		document.execCommand("copy");
		area.remove();
	}
	button.dataset.copied = text.length;
	button.textContent = "copied";
	setTimeout(() => (button.textContent = before), 1200);
}

const quoted = (text) => (/^[\w./%+=:@-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`);
// command("Who refers to it", "refs", 12): tidemark refs app.tide 12
export function command(what, verb, ...words) {
	const line = ["tidemark", verb, quoted(head.file), ...words.map((w) => quoted(String(w)))].join(" ");
	return el(
		"p",
		{ class: "dim ask" },
		`${what}: `,
		el("code", {}, line),
		" ",
		el("button", { class: "copy", title: "copy the command", onclick: (e) => copy(e.target, line) }, "copy"),
	);
}
