/**
 * Both TypeScript clients over HTTP: they search, write, and hear of progress.
 *
 *     node http.ts legacy|modern URL
 */

import { Client as Modern, StreamableHTTPClientTransport } from "@modelcontextprotocol/client";
import { Client as Legacy } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport as LegacyTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";

import type { Answer, Json } from "./conversation.ts";

const [era, address] = process.argv.slice(2);
const url = new URL(address ?? "");
let version: string | undefined;
let progress = 0;
const onprogress = () => {
  progress += 1;
};
let call: (name: string, args: Json) => Promise<Answer>;
let close: () => Promise<void>;

if (era === "legacy") {
  const client = new Legacy({ name: "docindex-e2e-legacy", version: "1.0.0" });
  const transport = new LegacyTransport(url);
  // Its types do not hold under exactOptionalPropertyTypes.
  await client.connect(transport as Parameters<typeof client.connect>[0]);
  version = transport.protocolVersion;
  call = async (name, args) =>
    (await client.callTool({ name, arguments: args }, undefined, { onprogress })) as Answer;
  close = () => client.close();
} else {
  const client = new Modern(
    { name: "docindex-e2e-modern", version: "1.0.0" },
    { versionNegotiation: { mode: "auto" } },
  );
  await client.connect(new StreamableHTTPClientTransport(url));
  version = client.getNegotiatedProtocolVersion();
  call = async (name, args) =>
    (await client.callTool({ name, arguments: args }, { onprogress })) as Answer;
  close = () => client.close();
}

const found = await call("search_documents", { query: "trimming the wick" });
const results = found.structuredContent?.["results"] as Json[];
const written = await call("update_document", { name: "guide/bell.md", content: "# Bell\n" });
await call("reindex", { full: true });
console.log(
  JSON.stringify({
    version,
    best: results[0]?.["name"],
    written: written.structuredContent?.["status"],
    progress,
  }),
);
await close();
