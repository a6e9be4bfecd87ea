// Exports: whole tables as files, for who may see what is in them.
import { field, form, saved } from "/desk/page.js";
import { call, choice, soft } from "./admin.js";

const TABLES = {
  members: ["Members", "SEE_MEMBERS"], orders: ["Orders", "SEE_MONEY"], fills: ["Fills", "SEE_MONEY"],
  entries: ["Entries of accounts", "SEE_MONEY"], deposits: ["Deposits", "SEE_CUSTODY"],
  withdrawals: ["Withdrawals", "SEE_CUSTODY"], audit: ["Audit log", "READ_AUDIT"],
};

export async function exports_(me) {
  const mine = Object.entries(TABLES).filter(([, [, needed]]) => me.may(needed));
  if (!mine.length) return [soft("Your roles let you see none of the tables, so there is nothing to export.")];
  const made = form("", [choice("Table", "table", Object.fromEntries(mine.map(([name, [title]]) => [name, title]))),
    choice("Format", "format", { csv: "CSV, for spreadsheets", parquet: "Parquet, every text as it is stored" }),
    field("Since", { name: "since", type: "date" }, "a day in UTC; empty: from the beginning"),
    field("Until", { name: "until", type: "date" }, "without this day; empty: until now")], "Download", download);
  return [soft("Each export is a row of the audit log. Nothing personal is in them; how long you keep yours is your rule to make and to follow."), made];
}

async function download({ table, format, since, until }) {
  const asked = new URLSearchParams();
  for (const [name, day] of [["since", since], ["until", until]]) if (day) asked.set(name, new Date(day).getTime() + "000000");
  const reply = await call("GET", `export/${table}.${format}?${asked}`);
  saved(`${table}.${format}`, await reply.blob());
  return "Saved.";
}
