#!/usr/bin/env node
// The app as a process: its words, its streams, its exit code, and Ctrl-C.
import process from 'node:process'
import { cli } from './cli.ts'

const words = process.argv.slice(2)
const interrupt = new AbortController()
// The talk's experiments leave a checkpoint; a second Ctrl-C ends the process at once, as the first does elsewhere.
if (words.includes('talk')) process.once('SIGINT', () => interrupt.abort())
process.exitCode = await cli(words, { out: process.stdout, err: process.stderr, signal: interrupt.signal })
