// KYC: what waits, a case with what its member showed, and the decision.
import { field, node, saved } from "/desk/page.js";
import { act, atMember, button, call, card, decide, facts, go, link, list, look, mark, person, reason, soft, tell, when } from "./admin.js";

const PURPOSES = { FRONT: "Front", BACK: "Back", PORTRAIT: "Portrait", ADDRESS: "Proof of address", OTHER: "Something else" };
const PICTURES = ["image/jpeg", "image/png"];
const FIELDS = { name: "Name", birth_date: "Born", country: "Country", document_kind: "Document", document_number: "Number", address: "Address" };

export async function kyc(me, number) {
  const [queue, status] = await Promise.all([look("kyc_queue"), look("kyc_status")]);
  const made = [waiting(queue, me), ...Object.entries(status.without_group).map(([account, why]) =>
    node("p", { class: "said bad" }, `The owners of account ${account} are not one group yet: ${why}. It is tried again each minute.`))];
  if (!number) return made;
  try {
    return [...await one(Number(number), me), ...made];
  } catch (wrong) {
    return [node("p", { class: "said bad", role: "alert" }, wrong.message), ...made];
  }
}

function waiting(queue, me) {
  const rows = queue.map((found) => node("li", {}, node("div", {}, link(`#kyc/${found.case}`, `Case ${found.case}`),
    `, level ${found.level}`, node("br"), node("span", { class: "soft" }, `${found.member}; submitted ${when(found.submitted_ns)}`)), held(found, me)));
  const number = field("Case", { name: "number", required: true, inputmode: "numeric", pattern: "[0-9]+" }, "its number, also of one that was decided");
  return card("Waiting", list(rows, "Nothing waits. Cases that members submit appear here, the oldest first."),
    me.may("REVIEW_KYC") ? button("Take the oldest", async () => {
      const taken = await look("kyc_claim");
      if (!taken.case) return "Nothing waits that you may take; your own case is another reviewer's.";
      tell(`Case ${taken.case} is yours until you decide or put it back.`);
      go(`#kyc/${taken.case}`);
    }, "") : "",
    decide("Look a case up", [number], "Open", (values) => { go(`#kyc/${values.number}`); }));
}

function held(found, me) {
  if (found.state === "SUBMITTED") return mark("waits");
  return mark(found.reviewer === me.who ? "yours" : `with ${person(found.reviewer, me)}`, found.reviewer === me.who ? "good" : "");
}

async function one(number, me) {
  const found = await look("kyc_show", { case: number });
  const mine = found.state === "IN_REVIEW" && found.reviewer === me.who;
  const warned = found.same_document.length ? [node("p", { class: "said bad" },
    `The same document was shown by ${found.same_document.join(", ")}: reject one of them, or link the two as one owner.`)] : [];
  return [card(`Case ${found.case}`,
    facts([["Member", atMember(me, found.member)],
      ["Level", found.level], ["State", found.state], ["Reviewer", found.reviewer && person(found.reviewer, me)],
      ["Submitted", when(found.submitted_ns)], ["Same owner as", found.same_owner.filter((name) => name !== found.member).join(", ")]]),
    ...warned, shown(found), ...(me.may("REVIEW_KYC") ? decisions(found, mine, me) : []),
    node("h2", {}, "History"), list(found.history.map((row) => node("li", {}, node("div", {}, `${row.state}, by ${person(row.who, me)}`,
      node("br"), node("span", { class: "soft" }, [when(row.time_ns), row.reason].filter(Boolean).join(": "))))), "Nothing has happened yet.")),
  ];
}

// Data and documents are sealed: each look has a reason, and is noted before anything is shown.
function shown(found) {
  const place = node("div");
  const data = decide("See the data", [reason("why you look; it stands in the history and the audit log")], "See it", async (values) => {
    const { person: data } = await look("kyc_show", { case: found.case, reveal: true, reason: values.reason });
    place.replaceChildren(facts(Object.entries(FIELDS).map(([name, title]) => [title, data[name]])));
  });
  const rows = found.documents.map((each) => {
    const room = node("div");
    return node("li", { class: "tall" }, `${PURPOSES[each.purpose] || each.purpose}, ${each.type}, ${each.bytes} bytes`,
      decide(`See: ${PURPOSES[each.purpose] || each.purpose}`, [reason("why you look; it stands in the history and the audit log")], "See it",
        (values) => document_(each, values.reason, room)), room);
  });
  return node("div", {}, data, place, list(rows, "No documents: level BASIC needs none."));
}

// A picture is drawn from a blob of its own type, which cannot run anything; the rest is saved.
async function document_(found, why, room) {
  const content = await (await call("GET", `kyc/documents/${found.id}?reason=${encodeURIComponent(why)}`)).blob();
  if (!PICTURES.includes(found.type)) {
    saved(`${found.id}.pdf`, new Blob([content], { type: "application/octet-stream" }));
    return "It is saved, not opened: look at it in a viewer without scripts, and delete the file afterwards.";
  }
  const url = URL.createObjectURL(new Blob([content], { type: found.type }));
  const free = () => URL.revokeObjectURL(url);
  room.replaceChildren(node("img", { src: url, alt: `${PURPOSES[found.purpose] || found.purpose} of case`, onload: free, onerror: free }));
  return "";
}

function decisions(found, mine, me) {
  const step = (name, text) => (values) => act("kyc_decide", { case: found.case, step: name, reason: values.reason || "" }, text);
  const told = "the member reads it";
  const number = found.case;
  const links = decide("The same owner as another member", [field("Member", { name: "other", required: true }, "name, as search shows it"), reason()],
    "Link them", (values) => act("kyc_link", { member: found.member, other: values.other, reason: values.reason }, "They are one owner now."));
  if (mine) return [
    decide("Approve", [field("Note", { name: "reason", maxlength: 300 }, "if there is something to say")], "Approve", step("approve", `Case ${number} is approved.`)),
    decide("Reject", [reason(told)], "Reject", step("reject", `Case ${number} is rejected.`)),
    decide("Ask for more", [reason("what is missing; " + told)], "Ask", step("ask", `Case ${number} is back at its member.`)),
    button("Put it back", () => step("release", `Case ${number} waits for another reviewer.`)({})), links];
  if (found.state === "APPROVED") return [
    decide("Check again", [reason()], "Check again", step("recheck", `Case ${number} waits for a reviewer.`)),
    decide("Revoke", [reason(told)], "Revoke", step("revoke", `Case ${number} is rejected; its level is gone.`)), links];
  if (found.state === "IN_REVIEW") return [soft(`Only ${person(found.reviewer, me)} decides this case, or puts it back.`), links];
  return [found.state === "SUBMITTED" ? soft("Take the oldest case to decide it; this one comes in its turn.") : "", links];
}
