import { existsSync, readFileSync } from 'node:fs'
import { Converter, ReflectionKind } from 'typedoc'
export function load(app) {
  app.converter.on(Converter.EVENT_CREATE_DECLARATION, (_context, reflection) => {
    if (reflection.kindOf(ReflectionKind.Module)) console.log(reflection.name)
  })
}
