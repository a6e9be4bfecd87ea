// Announcements: what everybody reads, made and ended.
import { field, node, send } from "/desk/page.js";
import { act, button, card, decide, list, look, mark, person, soft, when } from "./admin.js";

export async function announcements(me) {
  const found = me.may("SEE_SETTINGS") ? await look("announcement_list")
    : (await (await send("GET", "/announcements")).json()).announcements;
  return [me.may("ANNOUNCE") ? maker() : "",
    card("Made so far", list(found.map((row) => shown(row, me)), "None yet. What is announced appears here, and to everybody."))];
}

const time = (text) => text ? new Date(text).getTime() * 1e6 : 0;

function maker() {
  return decide("Announce something", [field("Title", { name: "title", required: true, maxlength: 120 }, "one line"),
    field("Text", { name: "text", rows: 5, required: true, maxlength: 5000 }),
    field("From", { name: "from", type: "datetime-local", max: "2261-12-31T00:00" }, "empty: now"),
    field("Until", { name: "until", type: "datetime-local", max: "2261-12-31T00:00" }, "empty: until it is ended")], "Announce",
  ({ title, text, from, until }) => act("announce", { title, text, from_ns: time(from), until_ns: time(until) }, "Announced; it is never changed, only ended."));
}

function shown(row, me) {
  const now = Date.now() * 1e6;
  const state = row.until_ns !== null && row.until_ns <= now ? "ended" : row.from_ns > now ? "begins later" : "in force";
  const span = `${when(row.from_ns)} to ${row.until_ns === null ? "when it is ended" : when(row.until_ns)}`;
  return node("li", { class: "tall" }, node("strong", {}, `${row.title} `), mark(state, state === "in force" ? "good" : ""),
    node("div", { class: "text" }, row.text), soft([span, row.who && person(row.who, me)].filter(Boolean).join(", by ")),
    me.may("ANNOUNCE") && state !== "ended" ? button("End it", () => act("announcement_end", { id: row.id }, "Ended: nobody sees it any more."), "danger") : "");
}
