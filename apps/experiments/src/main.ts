#!/usr/bin/env node
// The app as a process: its words, its streams, its exit code.
import process from 'node:process'
import { cli } from './cli.ts'

process.exitCode = await cli(process.argv.slice(2), { out: process.stdout, err: process.stderr })
