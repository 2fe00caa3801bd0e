// openid-client as it comes: discovery, an authorization request with PKCE, the code, a refresh. No `resource` is ever named.
import * as oidc from 'openid-client';
import readline from 'node:readline';

const [, , issuer, clientId, redirectUri] = process.argv;
const insecure = { execute: [oidc.allowInsecureRequests], algorithm: 'oauth2' };
const config = await oidc.discovery(new URL(issuer), clientId, undefined, oidc.None(), insecure);
const pkceCodeVerifier = oidc.randomPKCECodeVerifier();
const expectedState = oidc.randomState();
const opened = oidc.buildAuthorizationUrl(config, {
  redirect_uri: redirectUri,
  scope: 'browse read',
  state: expectedState,
  code_challenge: await oidc.calculatePKCECodeChallenge(pkceCodeVerifier),
  code_challenge_method: 'S256',
});
console.log(JSON.stringify({ opened: opened.href }));
for await (const line of readline.createInterface({ input: process.stdin })) {
  const first = await oidc.authorizationCodeGrant(config, new URL(JSON.parse(line).url), { pkceCodeVerifier, expectedState });
  const second = await oidc.refreshTokenGrant(config, first.refresh_token);
  console.log(JSON.stringify({ scope: first.scope, access_token: second.access_token, renewed: second.scope }));
  break;
}
