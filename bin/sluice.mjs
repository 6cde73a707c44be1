#!/usr/bin/env node
import { run } from '../tools/bootstrap.mjs';

await run('src/cli/main.edge.ts', process.argv.slice(2));
