// An MCP host on the official TypeScript SDK, 1.x or 2.x, driven by a test: one JSON command a line in, one answer a line out.
// It keeps its tokens in memory, opens no browser (the test's person goes where `opened` says), and decides nothing itself.
import readline from 'node:readline';

const [, , version, address, redirectUri] = process.argv;
const { Client, StreamableHTTPClientTransport } =
  version === '1'
    ? {
        ...(await import('@modelcontextprotocol/sdk/client/index.js')),
        ...(await import('@modelcontextprotocol/sdk/client/streamableHttp.js')),
      }
    : await import('@modelcontextprotocol/client');

const kept = {};
const provider = {
  redirectUrl: redirectUri,
  clientMetadata: {
    client_name: `TypeScript SDK ${version}`,
    redirect_uris: [redirectUri],
    token_endpoint_auth_method: 'none',
    grant_types: ['authorization_code', 'refresh_token'],
    response_types: ['code'],
  },
  state: () => 'a state',
  clientInformation: () => kept.client,
  saveClientInformation: (client) => void (kept.client = client),
  tokens: () => kept.tokens,
  saveTokens: (tokens) => void (kept.tokens = tokens),
  redirectToAuthorization: (url) => void (kept.opened = String(url)),
  saveCodeVerifier: (verifier) => void (kept.verifier = verifier),
  codeVerifier: () => kept.verifier,
  invalidateCredentials: () => void delete kept.tokens,
};

let client, transport;

async function connect() {
  client = new Client({ name: 'a test', version: '1' });
  transport = new StreamableHTTPClientTransport(new URL(address), { authProvider: provider });
  await client.connect(transport);
  return { connected: true };
}

const commands = {
  connect,
  back: async ({ url }) => {
    const parameters = new URL(url).searchParams;
    await transport.finishAuth(version === '1' ? parameters.get('code') : parameters);
    return connect();
  },
  tools: async () => ({ tools: (await client.listTools()).tools.map((tool) => tool.name) }),
  call: async ({ name, args }) => ({ result: await client.callTool({ name, arguments: args }) }),
  expire: async () => {
    kept.tokens = { ...kept.tokens, access_token: 'expired' };
    return {};
  },
};

for await (const line of readline.createInterface({ input: process.stdin })) {
  const { command, ...rest } = JSON.parse(line);
  delete kept.opened;
  let answer;
  try {
    answer = await commands[command](rest);
  } catch (error) {
    answer = { error: `${error.name}: ${error.message}` };
  }
  console.log(JSON.stringify({ ...answer, opened: kept.opened, scope: kept.tokens?.scope }));
}
