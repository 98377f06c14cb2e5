// wrangler.toml makes bundles data modules.
declare module "*.skw" {
  const bytes: ArrayBuffer;
  export default bytes;
}
