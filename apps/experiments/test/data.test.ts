// The readers against values worked out by hand, and against arbitrary bytes.
import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as fc from 'fast-check'
import { describe, expect, test, vi } from 'vitest'
import { encodeLabels, splitRows } from '../src/data/labels.ts'
import { loadDataset, parseDataset } from '../src/data/load.ts'
import { loadMnist, parseIdx } from '../src/data/mnist.ts'
import { parseNumber, readNumber } from '../src/data/numbers.ts'
import type { Dataset, Rows } from '../src/data/rows.ts'
import { InputError } from '../src/errors.ts'
import { batches } from '../src/random.ts'
import { sizesFor } from '../src/sizing.ts'

vi.setConfig({ testTimeout: 300_000 }) // never a matter of how busy the machine is

const featuresOf = (rows: Rows, row: number): number[] => {
  const into = new Float32Array(rows.features + 2)
  rows.copy(row, into, 1)
  expect([into[0], into.at(-1)]).toEqual([0, 0]) // nothing written outside
  return [...into.subarray(1, -1)]
}
const allRows = ({ train, test: held }: Dataset) =>
  [train, held].flatMap((rows) =>
    Array.from({ length: rows.count }, (_, row) => ({
      label: rows.targets[row],
      x: featuresOf(rows, row),
    })),
  )
const classesOf = ({ task }: Dataset): readonly string[] =>
  task.kind === 'classification' ? task.classes : []
const lines = (...rows: string[]) => `${rows.join('\n')}\n`
const csv = (text: string, options: object = {}) =>
  parseDataset(text, 'f.csv', { target: 'y', seed: 1, ...options })
const svm = (text: string) => parseDataset(text, 'f.txt', { seed: 1 })

describe('numbers', () => {
  test.each([
    ['1', 1],
    ['-2.50', -2.5],
    ['+.5', 0.5],
    ['3.', 3],
    ['1e-3', 0.001],
    ['6.02E+23', 6.02e23],
  ])('%s is a number', (text, value) => expect(parseNumber(text)).toBe(value))
  test.each([
    '',
    ' ',
    'x',
    '0x1F',
    '1,000',
    '1e',
    '.',
    'Infinity',
    'NaN',
    '1e39',
    '1 2',
    '--1',
    '١',
  ])('%j is none', (text) => expect(parseNumber(text)).toBeUndefined())
})

describe('labels', () => {
  test('numbers are ordered by size, and equal ones are one class', () => {
    const { classes, labels } = encodeLabels(['10', '9', '+9', '9.0', '-1', '10', '10'], 'y')
    expect(classes).toEqual(['-1', '9', '10'])
    expect([...labels]).toEqual([2, 1, 1, 1, 0, 2, 2])
  })
  test('words are ordered by the alphabet, after numbers', () => {
    expect(encodeLabels(['b', 'a', '7', 'b', 'a', '7'], 'y').classes).toEqual(['7', 'a', 'b'])
  })
  test('the split holds out a fifth of each class, is a partition, and follows the seed', () => {
    const labels = Int32Array.from(
      { length: 100 },
      (_, row) => Number(row >= 73) + Number(row >= 96),
    )
    const split = (seed: number) => splitRows({ classes: ['a', 'b', 'c'], labels }, seed, 'f')
    const { train, test: held } = split(1)
    const count = (rows: Int32Array, label: number) =>
      rows.filter((row) => labels[row] === label).length
    expect([0, 1, 2].map((label) => count(held, label))).toEqual([15, 5, 1])
    expect([...train, ...held].sort((a, b) => a - b)).toEqual(
      Array.from({ length: 100 }, (_, row) => row),
    )
    expect(split(1)).toEqual(split(1))
    expect(split(2).test).not.toEqual(held)
  })
})

describe('batches', () => {
  test('visit every row once per epoch, in a new order each time, and repeat with the seed', () => {
    const stream = batches(10, 4, 7)
    const taken = Array.from({ length: 5 }, () => [...stream.next().value]).flat()
    const [first, second] = [taken.slice(0, 10), taken.slice(10)]
    for (const epoch of [first, second])
      expect([...epoch].sort((a, b) => a - b)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
    expect(first).not.toEqual(second)
    const again = batches(10, 4, 7)
    expect([...again.next().value]).toEqual(taken.slice(0, 4))
  })
})

describe('IDX', () => {
  const file = Uint8Array.of(0, 0, 8, 2, 0, 0, 0, 2, 0, 0, 0, 3, 1, 2, 3, 4, 5, 6)
  test('gives its values', () =>
    expect([...parseIdx(file, [2, 3], 'f')]).toEqual([1, 2, 3, 4, 5, 6]))
  test('refuses other dimensions, other types and cut files', () => {
    expect(() => parseIdx(file, [3, 2], 'f')).toThrow(
      'f holds 2 x 3 in 18 bytes, where 3 x 2 were expected',
    )
    expect(() => parseIdx(file.with(2, 9), [2, 3], 'f')).toThrow('not an IDX file')
    expect(() => parseIdx(file.subarray(0, 17), [2, 3], 'f')).toThrow('17 bytes')
    expect(() => parseIdx(file.subarray(0, 3), [2, 3], 'f')).toThrow('not an IDX file')
  })
  test('MNIST has the digits that its authors counted, and pixels from 0 to 1', async () => {
    const mnist = await loadMnist()
    const histogram = (rows: Rows) =>
      classesOf(mnist).map((_, digit) => rows.targets.filter((l) => l === digit).length)
    expect(histogram(mnist.train)).toEqual([
      5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949,
    ])
    expect(histogram(mnist.test)).toEqual([980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009])
    // The mean and standard deviation of the training pixels that everyone normalizes by: 0.1307
    // and 0.3081.
    let [sum, squares] = [0, 0]
    const pixels = new Float32Array(784)
    for (let row = 0; row < mnist.train.count; row++) {
      mnist.train.copy(row, pixels, 0)
      for (const pixel of pixels) {
        sum += pixel
        squares += pixel * pixel
      }
    }
    const mean = sum / (60_000 * 784)
    expect(mean).toBeCloseTo(0.1307, 4)
    expect(Math.sqrt(squares / (60_000 * 784) - mean * mean)).toBeCloseTo(0.3081, 4)
  })
})

describe('CSV', () => {
  const table = lines(
    'size,"colour, inside",y,id',
    ...['1,red,no,a', '2,"re""d",no,b', '3,red,no,c', 'NA,?,no,d', '5,red,no,e'],
    ...['1,"re""d",yes,f', '2,red,yes,g', '3,red,yes,h', '4,red,yes,i', '5,,yes,j', '100,new,,k'],
  )
  const dataset = csv(table, { ignore: ['id'] })

  test('numbers are standardised by the training rows, categories one-hot, missing cells neutral', () => {
    expect(classesOf(dataset)).toEqual(['no', 'yes'])
    expect([dataset.train.count, dataset.test.count, dataset.train.features]).toEqual([8, 2, 3])
    const rows = allRows(dataset)
    const ofTraining = rows.slice(0, 8).map(({ x }) => x[0]!)
    expect(ofTraining.reduce((a, b) => a + b)).toBeCloseTo(0, 5)
    const levels = rows.map(({ x }) => x.slice(1).join(''))
    expect(levels.filter((level) => level === '10').length).toBe(2) // re"d sorts before red
    expect(levels.filter((level) => level === '01').length).toBe(6)
    expect(levels.filter((level) => level === '00').length).toBe(2) // "?" and the empty cell
    expect(dataset.notes.join(' ')).toContain('Rows without a target, left out: 1.')
    expect(dataset.notes.join(' ')).toContain('size 1, colour, inside 2')
  })
  test('standardised values are (x - mean) / deviation of the training rows', () => {
    const rows = Array.from({ length: 40 }, (_, i) => ({ x: i * i, y: i % 2 }))
    const { train, test: held } = csv(lines('x,y', ...rows.map(({ x, y }) => `${x},${y}`)))
    const values = (part: Rows) =>
      Array.from({ length: part.count }, (_, row) => featuresOf(part, row)[0]!)
    const [a, b] = [values(train), values(held)]
    expect(a.reduce((s, z) => s + z, 0) / a.length).toBeCloseTo(0, 6)
    expect(a.reduce((s, z) => s + z * z, 0) / a.length).toBeCloseTo(1, 5)
    // One affine map for both parts: together the values are those of i * i, in order.
    const z = [...a, ...b].sort((p, q) => p - q)
    const [scale, shift] = [(z[39]! - z[0]!) / (39 * 39), z[0]!]
    for (const [i, value] of z.entries()) expect(value).toBeCloseTo(shift + scale * i * i, 4)
  })
  test('semicolons, tabs, a byte order mark and CRLF are read', () => {
    const rows = ['0;1', '1;0', '2;1', '3;0', '4;1', '5;0', '6;1', '7;0', '8;1', '9;0']
    for (const mark of [',', ';', '\t']) {
      const text = `\ufeffx;y\r\n${rows.join('\r\n')}\r\n`.replaceAll(';', mark)
      expect(csv(text).train.count + csv(text).test.count).toBe(10)
    }
  })
  test('a column of words is left out when it has over a hundred, kept when the user insists', () => {
    const text = lines('name,x,y', ...Array.from({ length: 300 }, (_, i) => `n${i},${i},${i % 2}`))
    expect(csv(text).train.features).toBe(1)
    expect(csv(text).notes.slice(1)).toEqual([
      'Numbers: x.',
      'Columns left out: name (240 different texts).',
    ])
    expect(csv(text, { categorical: ['name'] }).train.features).toBe(241)
    expect(csv(text, { categorical: ['name', 'x'] }).train.features).toBe(480)
  })

  const many = Array.from({ length: 24 }, (_, i) => i)
  const thousands = Array.from({ length: 30_000 }, (_, i) => i)
  const ten = Array.from({ length: 10 }, (_, i) => `${i},${i % 2}`)
  test.each<[string, string, object, string]>([
    ['an empty file', ' \n\n', {}, 'f.csv is empty'],
    ['a header alone', 'x,y\n', {}, 'f.csv has a header and no rows'],
    [
      'no target',
      lines('x,y', ...ten),
      { target: undefined },
      'with --target COLUMN; there are x, y',
    ],
    ['a wrong target', lines('x,outcome', ...ten), { target: 'outcom' }, "did you mean 'outcome'?"],
    [
      'a wrong column to ignore',
      lines('x,y', ...ten),
      { ignore: ['q'] },
      "no column 'q' (--ignore)",
    ],
    [
      'a target named twice',
      lines('x,y,y', ...ten.map((row) => `${row},1`)),
      {},
      "2 columns 'y' (--target); say which: 'column 2' or",
    ],
    ['one row', lines('x,y', '1,a'), {}, 'has one row with a target; training needs several'],
    [
      'a single class',
      lines('x,y', '1,a', '2,a', '3,a'),
      {},
      "column 'y' holds a single class, 'a'",
    ],
    ['an empty target', lines('x,y', '1,', '2,NA'), {}, "column 'y' is empty"],
    [
      'names as target',
      lines('x,y', ...many.map((i) => `1,n${i}`)),
      {},
      '24 different values in 24 rows, too many for classes',
    ],
    [
      'ten thousand classes',
      lines('x,y', ...thousands.map((i) => `${i % 7},n${i % 10_000}`)),
      {},
      '10,000 different values in 30,000 rows',
    ],
    [
      'numbers as too many classes',
      lines('x,y', ...many.map((i) => `1,${i}.5`)),
      { task: 'classification' },
      'say --task regression',
    ],
    [
      'words as a quantity',
      lines('x,y', '1,2', '2,a', '3,b'),
      { task: 'regression' },
      "holds 'a', which is not a number",
    ],
    [
      'a stray word in a quantity',
      lines('x,y', ...many.map((i) => `${i},${i}.5`), '1,w'),
      {},
      "line 26, column 'y': 'w' is not",
    ],
    [
      'a constant quantity',
      lines('x,y', '1,.5', '2,.5', '3,.5'),
      {},
      'holds a single value, 0.5: there is nothing to predict',
    ],
    [
      'a quantity of few rows',
      lines('x,y', '1,.5', '2,.7', '3,.9'),
      {},
      'has 3 rows with a target; a regression needs 5',
    ],
    ['too few rows', lines('x,y', '1,a', '2,a', '3,b', '4,b'), {}, 'no class has the three rows'],
    [
      'nothing to learn from',
      lines('x,y', ...ten.map((row) => row.replace(/^./, '5'))),
      {},
      'left out x (constant)',
    ],
    [
      'a stray word',
      lines('x,y', ...ten, 'oops,1'),
      {},
      "f.csv, line 12, column 'x': 'oops' is not a number",
    ],
    [
      'a huge number',
      lines('x,y', ...ten, '1e300,1'),
      {},
      "line 12, column 'x': '1e300' is not a number",
    ],
    [
      'a stray word, before it counts rows',
      lines('x,y', '1,a', 'w,b', '2,a'),
      {},
      "line 3, column 'x': 'w' is not",
    ],
    ['a cell too many', lines('x,y', ...ten, '1,2,3'), {}, 'f.csv, line 12: not as many cells'],
    ['an open quote', lines('x,y', '1,"2'), {}, 'still open at the end'],
    ['text after a quote', lines('x,y', '1,"2"3'), {}, 'line 2: text after a closing quote'],
    ['a quote inside a cell', lines('x,y', '1,2"3"'), {}, 'line 2: a quote inside a cell'],
  ])('refuses %s', (_, text, options, message) => {
    expect(() => csv(text, options)).toThrow(InputError)
    expect(() => csv(text, options)).toThrow(message)
  })
  test('names the line on which a record begins, whatever its cells hold', () => {
    const text = lines(
      'x,z,y',
      '1,"a\nb",0',
      '',
      '"w","c\nc",1',
      ...ten.map((row) => row.replace(',', ',c,')),
    )
    expect(() => csv(text)).toThrow(
      "f.csv, line 5, column 'x': 'w' is not a number, though 91% of the column is",
    )
  })
})

describe('large, wide and odd tables', () => {
  const rows = (n: number, row: (i: number) => string) =>
    Array.from({ length: n }, (_, i) => row(i))

  test('200,000 rows, and two million cells', () => {
    const {
      train,
      test: held,
      task,
    } = csv(
      `a,b,y\n${rows(200_000, (i) => `${i % 1000},${i % 997},${i % 20 ? 'no' : 'yes'}`).join('\n')}`,
    )
    expect([train.count, held.count, task.kind]).toEqual([160_000, 40_000, 'classification'])
    expect(held.targets.filter((target) => target === 1).length).toBe(2000)
    const wide = csv(
      lines(
        rows(20_000, (i) => `c${i}`).join(),
        ...rows(100, (r) => rows(20_000, (i) => `${(i * r) % 97}`).join()),
      ),
      {
        target: 'c5',
        task: 'regression',
      },
    )
    expect([wide.train.count, wide.train.features > 19_000]).toEqual([80, true])
    expect(wide.notes.find((note) => note.startsWith('Numbers'))).toMatch(
      /^Numbers: .* and 19,7\d\d more\.$/,
    )
  })
  test('200,000 rows of LIBSVM text', () => {
    const { train } = svm(
      rows(200_000, (i) => `${i % 2 ? 1 : -1} ${1 + (i % 50)}:1 ${60 + (i % 40)}:0.5`).join('\n'),
    )
    expect([train.count, train.features]).toEqual([160_000, 99])
  })
  test('line ends of all kinds in one file, empty lines, breaks and separators in quotes, sep=', () => {
    const text = `\ufeff"na\nme";x;y\r\n\r\n${rows(10, (i) => `"a\r\n;b${i % 2}";${i};${i % 2}`).join('\r\n')}\n"a\r\n;b0";7;1\r"c";8;0\n\n`
    const { train, test: held, notes } = csv(text)
    expect(train.count + held.count).toBe(12)
    expect(notes).toContain('Categories: na me (3).')
    const told = csv(`sep=;\n${lines('x,1;y', ...rows(10, (i) => `${i};${i % 2}`))}`)
    expect(told.notes).toContain('Numbers: x,1.')
    expect(() => csv(`sep=;\n${lines('x;y', ...rows(10, (i) => `${i};${i % 2}`), 'w;1')}`)).toThrow(
      'f.csv, line 13, column',
    )
  })
  test('bars, and commas in a table of another separator', () => {
    expect(csv(lines('a, b, c|x|y', ...rows(10, (i) => `1, 2|${i}|${i % 2}`))).train.features).toBe(
      1,
    )
  })
  test('empty cells between tabs', () => {
    const { notes } = csv(lines('a\tb\ty', ...rows(10, (i) => `\t${i}\t${i % 2}`)))
    expect(notes).toContain('Columns left out: a (empty).')
  })
  test('a file without a header has columns by number, and says so', () => {
    const data = rows(20, (i) => `${i / 10},${3 - i / 10},${i % 2 ? 'rose' : 'daisy'}`)
    for (const target of ['3', 'column 3']) {
      const dataset = csv(lines(...data), { target })
      expect(dataset.train.count + dataset.test.count).toBe(20)
      expect([dataset.target, classesOf(dataset)]).toEqual(['column 3', ['daisy', 'rose']])
      expect(dataset.notes[0]).toMatch(
        /^The first line looks like a row, .* column 1 to column 3; .* --header yes\.$/,
      )
    }
    expect(() => csv(lines(...data), { target: 'kind' })).toThrow(
      'looks like a row, so they are called column 1 to column 3',
    )
    expect(() => csv(lines(...data), { target: undefined })).toThrow('say --header yes')
    expect(csv(lines(...data), { target: '3', header: 'no' }).train.count).toBe(16)
    expect(csv(lines(...data), { target: 'daisy', header: 'yes' }).notes).toContain(
      'Numbers: 0, 3.',
    )
  })
  test('years are names of columns, and that is said', () => {
    const {
      notes,
      train,
      test: held,
    } = csv(lines('town,2019,2020,y', ...rows(10, (i) => `t${i % 2},${i},${i * i},${i % 2}`)))
    expect(train.count + held.count).toBe(10)
    expect(notes[0] + notes[1]!).toContain(
      'The first line (town, 2019, 2020, y) was taken as names of columns',
    )
  })
  test('names that are there twice are told apart', () => {
    const text = lines('x,x,x (2),y', ...rows(10, (i) => `${i},${i * i},${-i},${i % 2}`))
    expect(csv(text).notes).toContain('Numbers: x, x (3), x (2).')
    expect(csv(text, { ignore: ['x'] }).notes).toContain('Numbers: x (2).')
    expect(csv(text, { ignore: ['column 2'] }).notes).toContain('Numbers: x, x (2).')
  })
  test('an identifier that counts the rows is left out', () => {
    const text = lines('Id,x,y', ...rows(10, (i) => `${i + 1},${i * i},${i % 2}`))
    for (const name of ['Id', 'customer_id', 'PassengerId', 'row number', 'Unnamed: 0', '']) {
      const called = name || 'column 1'
      expect(csv(text.replace('Id', name)).notes).toContain(
        `Columns left out: ${called} (row numbers).`,
      )
    }
    expect(csv(text.replace('Id', 'paid')).notes).toContain('Numbers: paid, x.')
    expect(csv(text.replace('Id', 'age')).notes).toContain('Numbers: age, x.')
  })
  test('dates are days', () => {
    const text = lines(
      'seen,since,y',
      ...rows(
        240,
        (i) =>
          `${(i % 28) + 1}.${(Math.floor(i / 28) % 12) + 1}.2024,2024-0${1 + (i % 2)}-01,${i % 2}`,
      ),
    )
    const { notes, train } = csv(text)
    expect(notes).toContain('Dates, in days: since.')
    expect(notes.at(-1)).toMatch(
      /^Columns left out: seen \(dates, which are read as 2026-12-31 only\)\.$/,
    )
    expect(new Set(allRows(csv(text)).map(({ x: [day] }) => day!.toFixed(4))).size).toBe(2)
    expect(train.features).toBe(1)
  })
  test('UTF-16 with its mark is read, other text is refused with what to do', async () => {
    const path = join(mkdtempSync(join(tmpdir(), 'freestep-')), 'f.csv')
    writeFileSync(
      path,
      Buffer.from(
        `\ufeff${lines('x\ty', ...rows(10, (i) => `${i}\t${i % 2 ? 'ä' : 'ö'}`))}`,
        'utf16le',
      ),
    )
    expect(classesOf(await loadDataset(path, { target: 'y', seed: 1 }))).toEqual(['ä', 'ö'])
    writeFileSync(path, Buffer.from('x;y\n1;\xe4\n', 'latin1'))
    await expect(loadDataset(path, { target: 'y', seed: 1 })).rejects.toThrow(
      /^not UTF-8 text: .*; save it as CSV UTF-8$/,
    )
  })
})

describe('decimal commas', () => {
  const table = (...cells: string[]) =>
    lines('a;y', ...cells.flatMap((cell) => [`${cell};0`, `${cell};1`]))
  /** The values of the only column, in their order, from 0 to 1. */
  const scaled = (dataset: Dataset) => {
    const z = [...new Set(allRows(dataset).map(({ x }) => x[0]!))].sort((p, q) => p - q)
    return z.map((value) => (value - z[0]!) / (z.at(-1)! - z[0]!))
  }
  const expected = (values: number[]) =>
    values.map((value) => (value - values[0]!) / (values.at(-1)! - values[0]!))

  test.each([
    ['3,14', 'comma', 3.14],
    ['1.234,5', 'comma', 1234.5],
    ['-1.234.567', 'comma', -1234567],
    ['1 234,5', 'comma', 1234.5],
    ['1\u202f234', 'comma', 1234],
    [',5', 'comma', 0.5],
    ['2,5e3', 'comma', 2500],
    ['1,234.5', 'point', 1234.5],
    ['1\u2019234.5', 'point', 1234.5],
    ['\u22125', 'point', -5],
    ['0.123', 'point', 0.123],
  ] as const)('%s is a number with a decimal %s', (text, notation, value) =>
    expect(readNumber(text, notation)).toBe(value),
  )
  test.each([
    ['3,14', 'point'],
    ['0,123', 'point'],
    ['1,23,456', 'point'],
    ['1,234 567', 'point'],
    ['0.123', 'comma'],
    ['1,2,3', 'comma'],
    ['', 'comma'],
    [',', 'comma'],
    ['1e300', 'comma'],
  ] as const)('%j is none with a decimal %s', (text, notation) =>
    expect(readNumber(text, notation)).toBeUndefined(),
  )

  test('are numbers, and that is said', () => {
    const dataset = csv(table('0,5', '3,14', '12', '1.234,5', '2.000', '3.000,25', '', '4000'))
    expect(dataset.notes).toContain('Numbers with a decimal comma: a.')
    const inner = scaled(dataset)
    expected([0.5, 3.14, 12, 1234.5, 2000, 3000.25, 4000]).forEach((value) => {
      expect(Math.min(...inner.map((other) => Math.abs(other - value)))).toBeLessThan(1e-5)
    })
  })
  test('what one column leaves open another decides', () => {
    const rows = Array.from({ length: 10 }, (_, i) => `1.${200 + 10 * i};${i},5;${i % 2}`)
    const { notes } = csv(lines('a;b;y', ...rows))
    expect(notes).toContain('Numbers with a decimal comma: a, b.')
    expect(notes).toContain(
      'Not certain: 1.200 in a was read as 1200 (a decimal comma); if it is 1.2, say --decimal point.',
    )
    expect(csv(lines('b;y', ...rows.map((row) => row.slice(6)))).notes.join()).not.toContain(
      'certain',
    )
  })
  test.each([
    [
      '1,250',
      ';',
      'comma',
      'Not certain: 1,250 in a was read as 1.25 (a decimal comma); if it is 1250, say --decimal point.',
    ],
    [
      '"1,250"',
      ',',
      'point',
      'Not certain: 1,250 in a was read as 1250 (a decimal point); if it is 1.25, say --decimal comma.',
    ],
    [
      '1.250',
      ';',
      'point',
      'Not certain: 1.250 in a was read as 1.25 (a decimal point); if it is 1250, say --decimal comma.',
    ],
    ['1.250', ',', 'point', undefined],
  ])('%s alone between %s has a decimal %s', (cell, mark, notation, note) => {
    const text = lines(
      `a${mark}y`,
      ...Array.from({ length: 20 }, (_, i) => `${cell.replace('5', `${i % 10}`)}${mark}${i % 2}`),
    )
    const { notes } = csv(text.replaceAll('1,200', '1,250').replaceAll('1.200', '1.250'))
    expect(notes).toContain(
      notation === 'comma' ? 'Numbers with a decimal comma: a.' : 'Numbers: a.',
    )
    expect(notes.find((each) => each.startsWith('Not certain'))).toBe(note)
    const other = notation === 'comma' ? 'point' : 'comma'
    const asked = csv(text, { decimal: other }).notes
    expect(asked).toContain(other === 'comma' ? 'Numbers with a decimal comma: a.' : 'Numbers: a.')
    expect(asked.join()).not.toContain('certain')
  })
  test('both kinds in a column are refused', () => {
    expect(() => csv(table('3,14', '2.71', '1,5'))).toThrow(
      "f.csv, line 4, column 'a': '2.71' is not written with a decimal comma, though 66% of the column is; write all numbers alike",
    )
  })
  test('are numbers in a target, too', () => {
    const rows = Array.from({ length: 30 }, (_, i) => `${i};1.${100 + i},5`)
    const { task } = csv(lines('x;y', ...rows))
    expect(task.kind === 'regression' && task.mean).toBeGreaterThan(1100)
  })
})

describe('the task', () => {
  const rows = (target: (i: number) => string | number) =>
    lines('x,y', ...Array.from({ length: 60 }, (_, i) => `${(i * i) % 17},${target(i)}`))
  test.each([
    ['words', (i: number) => 'abc'[i % 3]!, 'classification'],
    ['whole numbers of few values', (i: number) => i % 7, 'classification'],
    [
      'whole numbers of few values, some with .0',
      (i: number) => (i % 4 ? '1.0' : '0'),
      'classification',
    ],
    ['whole numbers of many values', (i: number) => i % 25, 'regression'],
    ['broken numbers of few values', (i: number) => (i % 5) / 2, 'regression'],
    ['numbers and a word, few', (i: number) => (i % 3 ? i % 3 : 'other'), 'classification'],
  ] as const)('%s', (_, target, kind) => {
    const { task, notes } = csv(rows(target))
    expect(task.kind).toBe(kind)
    const other = kind === 'classification' ? 'regression' : 'classification'
    const numbers = Array.from({ length: 60 }, (_, i) => Number(target(i))).every(
      (value) => !Number.isNaN(value),
    )
    expect(notes.join(' ').includes(`say --task ${other}`)).toBe(numbers)
  })
  test('whole numbers are what the user says', () => {
    const seven = rows((i) => i % 7)
    expect(classesOf(csv(seven, { task: 'classification' }))).toEqual([
      '0',
      '1',
      '2',
      '3',
      '4',
      '5',
      '6',
    ])
    const { task, train, test: held, notes } = csv(seven, { task: 'regression' })
    expect([train.count, held.count]).toEqual([48, 12])
    expect(notes.join(' ')).not.toContain('--task')
    // Standardised by the training rows: one affine map of 0 ... 6 for all.
    const mean = train.targets.reduce((sum, value) => sum + value / 48, 0)
    expect(mean).toBeCloseTo(0, 5)
    expect(train.targets.reduce((sum, value) => sum + (value - mean) ** 2 / 48, 0)).toBeCloseTo(
      1,
      5,
    )
    if (task.kind !== 'regression') throw new Error('not a regression')
    const back = [...train.targets, ...held.targets].map(
      (value) => Math.round(1e4 * (value * task.deviation + task.mean)) / 1e4,
    )
    expect(back.map(Math.abs).sort((a, b) => a - b)).toEqual(
      Array.from({ length: 60 }, (_, i) => i % 7).sort((a, b) => a - b),
    )
  })
  test('labels of LIBSVM text alike', () => {
    const text = (label: (i: number) => number) =>
      lines(...Array.from({ length: 60 }, (_, i) => `${label(i)} ${1 + (i % 5)}:1`))
    const kindOf = (label: (i: number) => number, more = {}) =>
      parseDataset(text(label), 'f.txt', { seed: 1, ...more }).task.kind
    expect([kindOf((i) => i % 3), kindOf((i) => i / 7)]).toEqual(['classification', 'regression'])
    expect(kindOf((i) => i % 3, { task: 'regression' })).toBe('regression')
  })
})

describe('the size of a run', () => {
  test.each([
    [60_000, {}, 128, 3750],
    [60_000, { quick: true }, 128, 300],
    [60_000, { epochs: 2, quick: true }, 128, 938],
    [400, {}, 16, 750],
    [400, { quick: true }, 16, 300],
    [400, { batch: 128 }, 128, 94],
    [96, { epochs: 30, batch: 32 }, 32, 90],
    [5, {}, 5, 30],
    [1, {}, 1, 30],
  ])('%d rows, %o', (rows, wishes, batch, steps) => {
    expect(sizesFor(rows, wishes)).toEqual({ batch, steps })
    if (!('epochs' in wishes)) expect((steps - 1) * batch).toBeLessThan(30 * rows)
  })
})

describe('LIBSVM', () => {
  test('gives sparse rows, scaled by the largest absolute training value', () => {
    const text = lines(
      ...['+1 1:2 3:-8 # comment', '+1 1:2 3:-8', '+1 1:2 3:-8', '', '+1 1:2 3:-8', '+1 1:2 3:-8'],
      ...['-1 2:4e0', '-1 2:4', '-1 2:4', '-1 2:4', '-1 2:4 ', '# end'],
    )
    const dataset = svm(text)
    expect(classesOf(dataset)).toEqual(['-1', '1'])
    expect([dataset.train.count, dataset.test.count, dataset.train.features]).toEqual([8, 2, 3])
    for (const { label, x } of allRows(dataset))
      expect(x).toEqual(label === 1 ? [1, 0, -1] : [0, 1, 0])
  })
  test.each([
    ['index 0', '1 0:1', 'f.txt, line 1: index 0, where indices begin at 1'],
    ['descending indices', '1 3:1 2:1', 'line 1: index 2 follows 3'],
    ['an index twice', '1 3:1 3:1', 'line 1: index 3 follows 3'],
    ['a word as value', lines('1 1:1', '2 1:one'), "line 2, index 1: 'one' is not a number"],
    ['a word as index', lines('1 1:1', '2 a:1'), "line 2: 'a:1' is not index:value"],
    ['a value alone', lines('1 1:1', '2 7'), "line 2: '7' is not index:value"],
    ['a word as label', 'yes 1:1', "line 1: the label 'yes' is not a number"],
    ['a single class', lines('1 1:1', '+1 1:2'), "the label holds a single class, '1'"],
    ['no features', lines('1 1:1', ...'0101010101').replace(' 1:1', ' # 1:1'), 'with --target'],
  ])('refuses %s', (_, text, message) => {
    expect(() => svm(text)).toThrow(InputError)
    expect(() => svm(text)).toThrow(message)
  })
  test('has no named columns', () => {
    expect(() => parseDataset('1 1:1', 'f.txt', { target: 'y', seed: 1 })).toThrow(
      'leave out --target',
    )
  })
})

describe('arbitrary input is read or refused with one clear line', () => {
  const outcome = (parse: () => Dataset) => {
    try {
      const { train, test: held } = parse()
      for (const rows of [train, held])
        for (let row = 0; row < rows.count; row++) expect(featuresOf(rows, row)).not.toContain(NaN)
    } catch (error) {
      expect(error).toBeInstanceOf(InputError)
      expect((error as Error).message).toMatch(/^[^\p{C}]{10,300}$/u)
    }
  }
  const word = fc.oneof(
    fc.constantFrom(
      '1',
      '-2.5',
      'a',
      'b',
      '',
      '?',
      '"',
      '"x',
      '1:2',
      '2:1e3',
      '0:1',
      '\r',
      'é',
      '\0',
    ),
    fc.string({ maxLength: 4 }),
  )
  const tableOf = (mark: string) =>
    fc
      .array(fc.array(word, { minLength: 1, maxLength: 5 }), { maxLength: 30 })
      .map((rows) => rows.map((row) => row.join(mark)).join('\n'))

  test('texts', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string({ maxLength: 200, unit: 'binary' }),
          tableOf(','),
          tableOf(' '),
          tableOf(';'),
        ),
        fc.constantFrom('f.csv', 'f'),
        fc.constantFrom(undefined, 'a', '1', 'column 1'),
        (text, file, target) => outcome(() => parseDataset(text, file, { target, seed: 1 })),
      ),
      { numRuns: 2000 },
    )
  })
  test('tables that begin well', () => {
    const cell = fc.oneof(
      { weight: 8, arbitrary: fc.constantFrom('1', '2', '3.5', 'a', 'b') },
      { weight: 1, arbitrary: word },
    )
    const rows = fc.array(fc.tuple(cell, cell, fc.constantFrom('yes', 'no')), {
      minLength: 5,
      maxLength: 40,
    })
    fc.assert(
      fc.property(rows, (table) =>
        outcome(() => csv(lines('p,q,y', ...table.map((row) => row.join(','))))),
      ),
      { numRuns: 1000 },
    )
  })
  test('files of bytes', async () => {
    const path = join(mkdtempSync(join(tmpdir(), 'freestep-')), 'bytes')
    const check = fc.asyncProperty(fc.uint8Array({ maxLength: 300 }), async (bytes) => {
      writeFileSync(path, bytes)
      await loadDataset(path, { seed: 1 }).then(
        (dataset) => outcome(() => dataset),
        (error) =>
          outcome(() => {
            throw error
          }),
      )
    })
    await fc.assert(check, { numRuns: 200 })
  })
})
