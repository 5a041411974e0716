// From a path to a data set: reads the file, tells CSV from LIBSVM by looking at it, and refuses
// what this app cannot hold. Without a path the data set is MNIST.
import { readFile } from 'node:fs/promises'
import { basename } from 'node:path'
import { InputError } from '../errors.ts'
import { integer } from '../format.ts'
import { type CsvOptions, parseCsv } from './csv.ts'
import { looksLikeLibsvm, parseLibsvm } from './libsvm.ts'
import { loadMnist } from './mnist.ts'
import type { Dataset } from './rows.ts'

/** A batch and a layer of weights are dense, whatever the file is. */
const MAX_FEATURES = 100_000

/** The data set in the file `path`, or MNIST. */
export async function loadDataset(path: string | undefined, options: CsvOptions): Promise<Dataset> {
  if (path === undefined) return loadMnist()
  const dataset = parseDataset(await readText(path), basename(path), options)
  if (dataset.train.features > MAX_FEATURES) {
    const count = integer(dataset.train.features)
    throw new InputError(
      `${dataset.name} has ${count} features; up to ${integer(MAX_FEATURES)} can be trained on, so leave columns out`,
    )
  }
  return dataset
}

/** The data set that `text`, the contents of the file named `file`, describes. */
export function parseDataset(text: string, file: string, options: CsvOptions): Dataset {
  if (text.trim() === '') throw new InputError(`${file} is empty`)
  if (/\.(csv|tsv)$/i.test(file) || !text.split('\n', 10).some(looksLikeLibsvm))
    return parseCsv(text, file, options)
  const { target, categorical, ignore, header, decimal } = options
  if ([target, categorical?.[0], ignore?.[0], header, decimal].some((each) => each !== undefined)) {
    throw new InputError(
      `${file} is LIBSVM text, which has no named columns: leave out --target and the like`,
    )
  }
  return parseLibsvm(text, file, options)
}

async function readText(path: string): Promise<string> {
  try {
    const bytes = await readFile(path)
    // What a spreadsheet saves as "Unicode text" is UTF-16, with a mark at its beginning.
    const encoding = bytes[0] === 0xff && bytes[1] === 0xfe ? 'utf-16le' : 'utf-8'
    return new TextDecoder(encoding, { fatal: true }).decode(bytes)
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? ''
    const remedy = code === 'ERR_ENCODING_INVALID_ENCODED_DATA' ? '; save it as CSV UTF-8' : ''
    throw new InputError(`${REASONS[code] ?? 'cannot read'}: ${path}${remedy}`)
  }
}

const REASONS: Record<string, string> = {
  ENOENT: 'no such file',
  ENOTDIR: 'no such file',
  EISDIR: 'a folder, not a file',
  EACCES: 'no permission to read',
  ERR_ENCODING_INVALID_ENCODED_DATA: 'not UTF-8 text',
  ERR_STRING_TOO_LONG: 'too large (512 MB at most)',
  ERR_FS_FILE_TOO_LARGE: 'too large (512 MB at most)',
}
