#!/usr/bin/env node
// The app as a process: its words, its streams, its exit code, and Ctrl-C.

import process from 'node:process'
import { setImmediate } from 'node:timers/promises'
import { cli } from './cli.ts'
import { outlive } from './streams.ts'

const words = process.argv.slice(2)
const interrupt = new AbortController()
// The talk's experiments leave a checkpoint; a second Ctrl-C ends the process at once, as the first
// does elsewhere.
if (words.includes('talk')) process.once('SIGINT', () => interrupt.abort())
const failure = outlive(process.stdout)
outlive(process.stderr)
process.exitCode = await cli(words, {
  out: process.stdout,
  err: process.stderr,
  signal: interrupt.signal,
})

// A reader that has seen enough is no failure; a device that is full is one, though the report is
// written.
await setImmediate()
const code = failure()
if (code !== undefined && code !== 'EPIPE') {
  process.stderr.write(`error: not all of the output could be written (${code})\n`)
  process.exitCode ||= 1
}
