// Who you are: a case for a level, what it needs, and what a reviewer said.
import { action, ask, field, form, node, when } from "./page.js";

const KINDS = { PASSPORT: "Passport", ID_CARD: "Identity card", DRIVING_LICENCE: "Driving licence", RESIDENCE_PERMIT: "Residence permit" };
const PURPOSES = { FRONT: "Front", BACK: "Back", PORTRAIT: "A picture of you", ADDRESS: "Proof of address", OTHER: "Something else" };
const STATES = {
  DRAFT: "You are filling it in.", SUBMITTED: "It waits for a reviewer.", IN_REVIEW: "A reviewer looks at it.",
  MORE_NEEDED: "The reviewer needs more.", APPROVED: "Approved.", REJECTED: "Rejected.", EXPIRED: "The approval has ended.",
};

export async function kyc(place) {
  const again = () => kyc(place);
  const { level, cases } = await ask("GET", "kyc");
  place.replaceChildren(node("h1", {}, "Who you are"),
    node("p", { class: "soft" }, level === "NONE"
      ? "Nobody has looked at who you are yet. Until then you may not withdraw."
      : `You are known: ${level}.`),
    ...cases.flatMap((found) => shown(found, again)),
    ...["BASIC", "FULL"].filter((name) => !cases.some((found) => found.level === name)).map((name) => begin(name, again)));
}

function begin(level, again) {
  const needs = level === "FULL" ? "Your data and a document; the highest limits." : "Your data alone; low limits.";
  return form(`Level ${level}`, [node("p", {}, needs)], "Begin", async () => {
    await ask("POST", "kyc", { level });
    await again();
  });
}

function shown(found, again) {
  const said = node("p", { class: "said", role: "status" });
  const step = (title, name, kind = "") => action(title, said, async () => {
    await ask("POST", `kyc/${found.id}/${name}`, {});
    await again();
  }, kind);
  const buttons = {
    DRAFT: [step("Submit", "submit")], MORE_NEEDED: [step("Submit again", "submit")],
    SUBMITTED: [step("Take it back", "withdraw", "quiet")],
    REJECTED: [step("Open it again", "reopen")], EXPIRED: [step("Open it again", "reopen")],
  }[found.state] || [];
  const documents = found.documents.map((each) => node("li", {}, `${PURPOSES[each.purpose]}, ${each.type}, ${each.bytes} bytes`));
  const card = node("div", { class: "card" }, node("h2", {}, `Level ${found.level}`),
    node("p", {}, STATES[found.state]), found.reason ? node("p", {}, `The reviewer says: ${found.reason}`) : "",
    node("p", { class: "soft" }, `Last changed ${when(found.changed_ns)}` + (found.expires_ns ? `, holds until ${when(found.expires_ns)}` : "")),
    documents.length ? node("ul", { class: "list" }, ...documents) : "", node("div", { class: "row" }, ...buttons), said);
  return ["DRAFT", "MORE_NEEDED"].includes(found.state) ? [card, data(found), upload(found, again)] : [card];
}

function data(found) {
  const kinds = node("select", { name: "document_kind" }, ...Object.entries(KINDS).map(([value, title]) => node("option", { value }, title)));
  return form("Your data", [
    field("Name", { name: "name", required: true, maxlength: 120 }, "as in the document"),
    field("Born", { name: "birth_date", type: "date", required: true }),
    field("Country", { name: "country", required: true, maxlength: 2, pattern: "[A-Z]{2}" }, "of the document, two capitals like FR"),
    node("label", {}, "Document", kinds),
    field("Number", { name: "document_number", required: true, maxlength: 40 }),
    field("Address", { name: "address", required: true, maxlength: 300 }),
  ], "Keep", async (values) => (await ask("PUT", `kyc/${found.id}/person`, values)).message);
}

function upload(found, again) {
  const purposes = node("select", { name: "purpose" }, ...Object.entries(PURPOSES).map(([value, title]) => node("option", { value }, title)));
  return form("A document", [
    node("p", { class: "soft" }, "JPEG, PNG or PDF, at most 10 MB. Only a reviewer can open it, also you cannot."),
    node("label", {}, "It shows", purposes),
    field("File", { name: "file", type: "file", required: true, accept: "image/jpeg,image/png,application/pdf" }),
  ], "Send", async ({ purpose, file }) => {
    await ask("POST", `kyc/${found.id}/documents?purpose=${purpose}`, file);
    await again();
  });
}
