/** The tables are complete: no algorithm, option or recording is without a test by oversight. */
import { readdirSync } from 'node:fs'
import * as core from '@freestep/core'
import { describe, expect, test } from 'vitest'
import { files } from '../src/files.ts'
import { loadGolden } from '../src/goldens.ts'
import { leftOutFiles, table } from '../src/table.ts'

const goldens = readdirSync(new URL('../goldens/', import.meta.url))
  .filter((name) => /^[^_].*\.json$/.test(name))
  .map((name) => name.replace('.json', ''))

test('every file of recordings can be loaded, and is run or left out with a reason', async () => {
  expect(Object.keys(files).sort()).toEqual([...goldens].sort())
  const run = new Set(table.flatMap((row) => row.goldens.map(({ file }) => file)))
  const out = Object.keys(leftOutFiles)
  expect([...run, ...out].sort()).toEqual([...goldens].sort())
  for (const file of goldens) expect((await loadGolden(file)).optimizer).toBe(file)
})

test('every trajectory of a file that is run belongs to one row', async () => {
  for (const file of new Set(table.flatMap((row) => row.goldens.map((golden) => golden.file)))) {
    const takers = table.flatMap((row) => row.goldens.filter((golden) => golden.file === file))
    for (const trajectory of (await loadGolden(file)).trajectories)
      expect(
        takers.filter((golden) => golden.takes?.(trajectory) ?? true).length,
        trajectory.id,
      ).toBe(1)
  }
})

test('every scalar that a row compares is recorded in its file by that name', async () => {
  for (const { name, goldens } of table)
    for (const { file, takes, scalars = {} } of goldens) {
      const { trajectories } = await loadGolden(file)
      const records = trajectories.flatMap((trajectory) =>
        takes?.(trajectory) === false ? [] : trajectory.records,
      )
      for (const theirs of Object.keys(scalars)) {
        const recorded = records.some(
          ({ groups, state = {} }) => theirs in groups[0] || theirs in state,
        )
        expect(recorded, `${name}: ${theirs} in ${file}`).toBe(true)
      }
    }
})

test('every algorithm of core has a row', () => {
  const factories = Object.values(core).filter(
    (value): value is typeof core.sgd => typeof value === 'function' && 'algorithm' in value,
  )
  const rows = table.map(({ name }) => name)
  expect(
    factories.map(({ algorithm }) => algorithm.name).filter((name) => !rows.includes(name)),
  ).toEqual([])
})

test('every wrapper of core has a row', () => {
  const wrappers = ['averaged', 'clipByGlobalNorm', 'mechanic', 'scheduleFree', 'skipNonFinite']
  const exported = Object.keys(core).filter((name) => wrappers.includes(name))
  expect(exported).toEqual(wrappers)
  for (const wrapper of wrappers)
    expect(table.some(({ name }) => name.startsWith(`${wrapper}(`))).toBe(true)
})

describe('the variants of a row use every option', () => {
  const used = (settings: object, into: Set<string>) => {
    for (const [name, value] of Object.entries(settings)) {
      into.add(name)
      if (name === 'inner' || name === 'outer') used(Object(value), into)
    }
    return into
  }
  test.each(table.filter(({ name }) => !name.includes('(')).map((row) => [row.name, row] as const))(
    '%s',
    (name, row) => {
      const seen = row.variants.reduce(
        (all: Set<string>, settings) => used(settings, all),
        new Set<string>(),
      )
      const options = Object.keys(row.make().options)
      // adamW has the options of adam, only other defaults.
      if (name === 'adamW') return
      expect(options.filter((option) => !seen.has(option))).toEqual([])
    },
  )
})
