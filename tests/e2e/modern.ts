/** The conversation with `@modelcontextprotocol/client`, which asks for 2026-07-28. */

import { Client } from "@modelcontextprotocol/client";
import { StdioClientTransport } from "@modelcontextprotocol/client/stdio";

import { main, type Answer, type Change, type Session } from "./conversation.ts";

async function connect(
  command: string,
  args: string[],
  onChange: (change: Change) => void,
): Promise<Session> {
  const client = new Client(
    { name: "docindex-e2e-modern", version: "1.0.0" },
    { versionNegotiation: { mode: "auto" } },
  );
  client.setNotificationHandler("notifications/resources/updated", ({ method, params }) =>
    onChange({ method, uri: params.uri }),
  );
  client.setNotificationHandler("notifications/resources/list_changed", ({ method }) =>
    onChange({ method }),
  );
  const env = process.env as Record<string, string>;
  await client.connect(new StdioClientTransport({ command, args, env }));
  return {
    protocolVersion: client.getNegotiatedProtocolVersion(),
    instructions: client.getInstructions(),
    tools: async () => (await client.listTools()).tools,
    call: async (name, args, onprogress) =>
      (await client.callTool({ name, arguments: args }, { onprogress })) as Answer,
    resources: async () => (await client.listResources()).resources,
    resourceTemplates: async () => (await client.listResourceTemplates()).resourceTemplates,
    read: (uri) => client.readResource({ uri }),
    prompts: async () => (await client.listPrompts()).prompts,
    prompt: (name, args) => client.getPrompt({ name, arguments: args }),
    complete: async (ref, name, value) =>
      (await client.complete({ ref, argument: { name, value } })).completion,
    subscribe: async (uri) => {
      await client.listen({ resourcesListChanged: true, resourceSubscriptions: [uri] });
    },
    close: () => client.close(),
  };
}

await main(connect);
