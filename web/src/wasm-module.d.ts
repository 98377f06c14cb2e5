// Bundlers for Workers import a `.wasm` file as a compiled module; Vercel's want to be told so.
declare module "*.wasm" {
  const module: WebAssembly.Module;
  export default module;
}

declare module "*.wasm?module" {
  const module: WebAssembly.Module;
  export default module;
}
