/**
 * An authorization server, certified for OpenID Connect, as the tests want it.
 *
 *     node oidc.mjs RESOURCE CLIENT SECRET REDIRECT
 *
 * Prints its address. `POST /rotate` on it gives it new keys. Tokens are signed, or, with
 * OPAQUE=1, known to it alone. Whoever comes to log in is Ana, and agrees to everything.
 */

import { createServer } from "node:http";
import { generateKeyPairSync, randomUUID } from "node:crypto";

import { Provider } from "oidc-provider";

const [resource, client, secret, redirect] = process.argv.slice(2);
const scope = "docs:read docs:write docs:admin";

function key() {
  const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
  return { ...privateKey.export({ format: "jwk" }), kid: randomUUID(), alg: "RS256", use: "sig" };
}

function provider(issuer, keys) {
  return new Provider(issuer, {
    jwks: { keys },
    clients: [
      {
        client_id: client,
        client_secret: secret,
        token_endpoint_auth_method: "client_secret_basic",
        grant_types: ["client_credentials", "authorization_code", "refresh_token"],
        response_types: ["code"],
        redirect_uris: [redirect],
        scope: `openid offline_access ${scope}`,
      },
    ],
    scopes: ["openid", "offline_access", ...scope.split(" ")],
    findAccount: (_, id) => ({ accountId: id, claims: () => ({ sub: id }) }),
    features: {
      clientCredentials: { enabled: true },
      introspection: { enabled: true, allowedPolicy: () => true },
      registration: { enabled: true },
      devInteractions: { enabled: false },
      resourceIndicators: {
        enabled: true,
        defaultResource: () => resource,
        useGrantedResource: () => true,
        getResourceServerInfo: (_, indicator) => ({
          scope,
          audience: indicator,
          accessTokenTTL: 3600,
          accessTokenFormat: process.env.OPAQUE ? "opaque" : "jwt",
          jwt: { sign: { alg: "RS256" } },
        }),
      },
    },
    clientDefaults: { token_endpoint_auth_method: "none", application_type: "native" },
    interactions: { url: (_, interaction) => `/login/${interaction.uid}` },
    pkce: { required: () => true },
    cookies: { keys: [randomUUID()] },
    ttl: { Interaction: 600, Session: 600, Grant: 600 },
  });
}

let current;
let serve;
const server = createServer(async (request, response) => {
  if (request.url === "/rotate") {
    restart();
    response.end();
  } else if (request.url.startsWith("/login/")) {
    await login(request, response);
  } else {
    serve(request, response);
  }
});

async function login(request, response) {
  const { prompt, params, grantId } = await current.interactionDetails(request, response);
  const accountId = "ana";
  if (prompt.name === "login") {
    await current.interactionFinished(request, response, { login: { accountId } });
    return;
  }
  const grant = grantId
    ? await current.Grant.find(grantId)
    : new current.Grant({ accountId, clientId: params.client_id });
  grant.addOIDCScope(`openid offline_access ${scope}`);
  grant.addResourceScope(resource, params.scope ?? scope);
  const consent = { grantId: await grant.save() };
  await current.interactionFinished(request, response, { consent }, { mergeWithLastSubmission: true });
}

function restart() {
  const issuer = `http://127.0.0.1:${server.address().port}`;
  current = provider(issuer, [key()]);
  serve = current.callback();
  return issuer;
}

server.listen(0, "127.0.0.1", () => console.log(restart()));
