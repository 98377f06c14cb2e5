// What Vite 7 wants to be told and Vite 8 knows: modules find their WebAssembly beside them while one develops, and the
// worker, which imports larger modules when it needs them, is a module.

export default { optimizeDeps: { exclude: ["skewless"] }, worker: { format: "es" }, build: { target: "es2022" } };
