// JSON modules are data of unknown shape, and outside src/: their types are not derived from them.
declare module '*.json' {
  const data: unknown
  export default data
}
