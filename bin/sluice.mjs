#!/usr/bin/env node
import { run } from '../tools/bootstrap.mjs';

run('src/cli/main.edge.ts', process.argv.slice(2));
