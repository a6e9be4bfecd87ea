// The audit log in pages, and the check of its chain of hashes.
import { field, node } from "/desk/page.js";
import { card, choice, decide, get, go, link, list, mark, person, when } from "./admin.js";

const SHOWN = 50;
const OUTCOMES = { "": "any", done: "done", denied: "denied", failed: "failed" };

// `wanted`: a query like who=member:7&before=120.
export async function audit(me, wanted) {
  const asked = new URLSearchParams(wanted);
  const { rows, head } = await get(`audit?${new URLSearchParams([...asked, ["limit", SHOWN]])}`);
  const older = new URLSearchParams(asked);
  if (rows.length) older.set("before", rows[0].number);
  const first = rows.length && rows[0].number > 1 && rows.length === SHOWN;
  return [check(head), filters(asked),
    card("Rows", list(rows.reverse().map((row) => shown(row, me)), "None fits. Every act of staff appears here."),
      node("div", { class: "row" }, first ? link("#audit/" + encodeURIComponent(older), "Older") : "",
        asked.has("before") ? link("#audit", "The newest") : ""))];
}

function check(head) {
  return card("The chain", node("p", {}, `${head.number} rows; the hash of the last is`), node("div", { class: "code" }, head.hash),
    node("p", { class: "soft" }, "Write it down each day where nobody who can write the database can change it."),
    decide("Check the chain", [field("A hash kept from before", { name: "head", maxlength: 64, pattern: "[0-9a-f]{64}" }, "if you have one: rows cut off at the end are noticed only with it")],
      "Check every row", async (values) => {
        const found = await get("audit/verify?head=" + values.head);
        if (found.broken === null) return `All ${found.rows} rows are whole.`;
        throw new Error(`Row ${found.broken}: ${found.why}. Stop acts of staff, keep a copy of the database, and compare it with the newest backup.`);
      }));
}

function filters(asked) {
  const was = (name) => asked.get(name) || "";
  return decide("Find rows", [field("Who", { name: "who", maxlength: 80, value: was("who") }, "as member:7"),
    field("Act", { name: "act", maxlength: 40, value: was("act") }, "as FREEZE_ACCOUNT"),
    field("About", { name: "object", maxlength: 200, value: was("object") }, "as withdrawal:17"), choice("Outcome", "outcome", OUTCOMES, was("outcome"))],
  "Find", (values) => {
    const wanted = new URLSearchParams(Object.entries(values).filter(([, value]) => value.trim()));
    go(`#audit${wanted.size ? "/" + encodeURIComponent(wanted) : ""}`);
  });
}

function shown(row, me) {
  return node("li", { class: "tall" }, node("strong", {}, `${row.number}: ${row.act} `), mark(row.outcome, row.outcome === "done" ? "good" : ""),
    node("div", { class: "soft" }, [when(row.time_ns), person(row.who, me), row.role, row.object].filter(Boolean).join(", ")),
    node("details", {}, node("summary", {}, "What exactly"), node("div", { class: "code" }, row.payload), node("div", { class: "code" }, row.hash)));
}
