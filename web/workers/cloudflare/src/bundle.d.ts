// wrangler.toml makes bundles data modules.
declare module "*.skw" {
  const bytes: ArrayBuffer;
  export default bytes;
}

// `wrangler types` writes this one with the names of your variables and bindings; take it out then.
declare module "cloudflare:workers" {
  export const env: object;
}
