/** The conversation with `@modelcontextprotocol/sdk`: the handshake era, to 2025-11-25. */

import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StdioClientTransport } from "@modelcontextprotocol/sdk/client/stdio.js";
import {
  ResourceListChangedNotificationSchema,
  ResourceUpdatedNotificationSchema,
} from "@modelcontextprotocol/sdk/types.js";

import { main, type Answer, type Change, type Json, type Session } from "./conversation.ts";

async function connect(
  command: string,
  args: string[],
  onChange: (change: Change) => void,
): Promise<Session> {
  const client = new Client({ name: "docindex-e2e-legacy", version: "1.0.0" });
  client.setNotificationHandler(ResourceUpdatedNotificationSchema, ({ method, params }) =>
    onChange({ method, uri: params.uri }),
  );
  client.setNotificationHandler(ResourceListChangedNotificationSchema, ({ method }) =>
    onChange({ method }),
  );
  const env = process.env as Record<string, string>;
  const transport = new StdioClientTransport({ command, args, env });
  let protocolVersion: string | undefined;
  // The client hands the version it agreed on to its transport, and keeps it to itself.
  Object.assign(transport, {
    setProtocolVersion: (version: string) => {
      protocolVersion = version;
    },
  });
  await client.connect(transport);
  return {
    protocolVersion,
    instructions: client.getInstructions(),
    tools: async () => (await client.listTools()).tools,
    call: async (name, args, onprogress) =>
      (await client.callTool({ name, arguments: args }, undefined, { onprogress })) as Answer,
    resources: async () => {
      const all: Json[] = [];
      let cursor: string | undefined;
      do {
        const page = await client.listResources({ cursor });
        all.push(...page.resources);
        cursor = page.nextCursor;
      } while (cursor !== undefined);
      return all;
    },
    resourceTemplates: async () => (await client.listResourceTemplates()).resourceTemplates,
    read: (uri) => client.readResource({ uri }),
    prompts: async () => (await client.listPrompts()).prompts,
    prompt: (name, args) => client.getPrompt({ name, arguments: args }),
    complete: async (ref, name, value) =>
      (await client.complete({ ref, argument: { name, value } })).completion,
    subscribe: async (uri) => {
      await client.subscribeResource({ uri });
    },
    close: () => client.close(),
  };
}

await main(connect);
