// Bundlers for Workers import a `.wasm` file as a compiled module, Vercel's by `?module`.
declare module "*.wasm" {
  const module: WebAssembly.Module;
  export default module;
}
declare module "*.wasm?module" {
  const module: WebAssembly.Module;
  export default module;
}
