// panva's oidc-provider as a customer might run it. argv: its package folder, and the configuration as JSON.
const [folder, text] = process.argv.slice(2);
const { Provider } = await import(`${folder}/node_modules/oidc-provider/lib/index.js`);
const wanted = JSON.parse(text);

const provider = new Provider(wanted.issuer, {
  clients: wanted.clients,
  cookies: { keys: ["only for tests"] },
  claims: { openid: ["sub"], profile: ["name", "given_name"], email: ["email", "email_verified"], groups: ["groups"] },
  scopes: ["openid", "offline_access", "profile", "email", "groups"],
  pkce: { required: () => true },
  findAccount: (_context, sub) => ({ accountId: sub, claims: () => ({ sub, ...wanted.people[sub] }) }),
  ...wanted.more,
});
provider.listen(Number(new URL(wanted.issuer).port), "127.0.0.1", () => console.log("listening"));
