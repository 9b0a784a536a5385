/**
 * The conversation that every client has with docindex, whatever its era.
 * `conversation.py` is the same one for the Python SDK.
 *
 *     node legacy.ts|modern.ts DOCUMENTS COMMAND ARGUMENT…
 *
 * serves DOCUMENTS with the command and prints the transcript as JSON. What it
 * should hold is checked by `test_conversation.py`.
 */

import { appendFile, writeFile } from "node:fs/promises";
import { join } from "node:path";

export type Json = { [key: string]: unknown };
export type Change = { method: string; uri?: string };
export type Progress = { progress: number; total?: number; message?: string };

export interface Answer extends Json {
  isError?: boolean;
  structuredContent?: Json;
}

/** What the conversation needs of a connected client. */
export interface Session {
  protocolVersion: string | undefined;
  instructions: string | undefined;
  tools(): Promise<Json[]>;
  call(name: string, args: Json, onProgress?: (progress: Progress) => void): Promise<Answer>;
  /** Those of all pages. */
  resources(): Promise<Json[]>;
  resourceTemplates(): Promise<Json[]>;
  read(uri: string): Promise<Json>;
  prompts(): Promise<Json[]>;
  prompt(name: string, args: Record<string, string>): Promise<Json>;
  complete(ref: Reference, name: string, value: string): Promise<Json>;
  /** Asks for the changes of one resource, and of the list of resources. */
  subscribe(uri: string): Promise<void>;
  close(): Promise<void>;
}

export type Reference = { type: "ref/resource"; uri: string } | { type: "ref/prompt"; name: string };

export type Connect = (
  command: string,
  args: string[],
  onChange: (change: Change) => void,
) => Promise<Session>;

const LAMP = "doc://documents/guide/lamp.md";
const SIGNAL = "doc://documents/guide/fog%20signal.md";
const RECORD = `doc://documents/${encodeURIComponent("記録")}/${encodeURIComponent("霧笛.md")}`;
const READY_SECONDS = 30;
const CHANGE_SECONDS = 10;

export async function main(connect: Connect): Promise<void> {
  const [documents, command, ...args] = process.argv.slice(2);
  if (documents === undefined || command === undefined) {
    throw new Error("usage: node legacy.ts|modern.ts DOCUMENTS COMMAND ARGUMENT…");
  }
  const changes: Change[] = [];
  const session = await connect(command, args, (change) => changes.push(change));
  try {
    console.log(JSON.stringify(await converse(session, documents, changes)));
  } finally {
    await session.close();
  }
}

async function converse(session: Session, documents: string, changes: Change[]): Promise<Json> {
  const transcript: Json = {
    protocol_version: session.protocolVersion,
    instructions: session.instructions,
  };
  /** Notes what came of a step, and goes on when it was refused. */
  async function note<T>(key: string, step: Promise<T>): Promise<T | undefined> {
    try {
      const outcome = await step;
      transcript[key] = outcome;
      return outcome;
    } catch (error) {
      transcript[key] = { failed: String(error) };
      return undefined;
    }
  }

  await note("tools", session.tools());
  await indexed(session);
  await note("search", session.call("search_documents", { query: "trimming the wick" }));
  await note("refused", session.call("search_documents", { query: "wick", colour: "red" }));

  await note("resources", session.resources());
  await note("resource_templates", session.resourceTemplates());
  await note("resource", session.read(LAMP));
  await note("resource_in_japanese", session.read(RECORD));
  await note("resource_section", session.read(`${LAMP}#trimming-the-wick`));
  const section = { name: "guide/lamp.md", section: "trimming-the-wick" };
  const read = await note("section", session.call("read_document", section));

  const created = {
    name: "guide/bell buoy.md",
    content: "# The bell buoy\n\nThe clapper squeaks wistfully.\n",
  };
  await note("created", session.call("update_document", created));
  await note("created_found", session.call("search_documents", { query: "squeaks wistfully" }));
  const edited = {
    ...section,
    mode: "section",
    content: "Trim it ceremoniously.\n",
    if_version: read?.structuredContent?.["version"],
  };
  await note("edited", session.call("update_document", edited));
  await note("edited_found", session.call("search_documents", { query: "ceremoniously" }));

  const progress: Progress[] = [];
  const report = (step: Progress) => progress.push(step);
  await note("reindexed", session.call("reindex", { full: true }, report));
  transcript["progress"] = progress;

  const template: Reference = { type: "ref/resource", uri: "doc://documents/{+name}" };
  const summarize: Reference = { type: "ref/prompt", name: "summarize_document" };
  await note("completed_names", session.complete(template, "name", "guide/"));
  await note("completed_prompt", session.complete(summarize, "name", "guide/f"));
  await note("prompts", session.prompts());
  await note("prompt", session.prompt("summarize_document", { name: "guide/lamp.md" }));

  await note("subscribed", session.subscribe(SIGNAL));
  changes.length = 0;
  await appendFile(join(documents, "guide", "fog signal.md"), "\nOil it in spring.\n");
  await writeFile(join(documents, "new.md"), "# New\n\nJust come.\n");
  let seen = 0;
  await until(async () => {
    if (changes.length > seen) {
      seen = changes.length;
      transcript["resources_after_change"] = await session.resources();
    }
    const listed = JSON.stringify(transcript["resources_after_change"] ?? "");
    return changes.some(({ uri }) => uri === SIGNAL) && listed.includes("doc://documents/new.md");
  }, CHANGE_SECONDS);
  transcript["changes"] = changes;
  return transcript;
}

/** Waits until the first build is done. */
async function indexed(session: Session): Promise<void> {
  let said = "";
  const ready = await until(async () => {
    const answer = await session.call("search_documents", { query: "lamp" });
    said = JSON.stringify(answer);
    const index = answer.structuredContent?.["index"] as Json | undefined;
    return index?.["state"] === "ready";
  }, READY_SECONDS);
  if (!ready) {
    throw new Error(`the index is not ready after ${READY_SECONDS} s: ${said}`);
  }
}

/** Whether `condition` came to hold within the time. */
async function until(condition: () => Promise<boolean>, seconds: number): Promise<boolean> {
  const deadline = Date.now() + seconds * 1000;
  let held = await condition();
  while (!held && Date.now() < deadline) {
    await new Promise((resolve) => setTimeout(resolve, 20));
    held = await condition();
  }
  return held;
}
