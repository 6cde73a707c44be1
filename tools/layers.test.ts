import assert from 'node:assert/strict';
import { existsSync, globSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { EDGE_MODULES, LAYERS, OUTSIDE } from './layers.ts';

const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));

interface Import {
  file: string;
  room: string;
  target: string;
  isTest: boolean;
  isEdge: boolean;
  typeOnly: boolean;
}

function importsOf(file: string): Import[] {
  const text = readFileSync(join(ROOT, file), 'utf8');
  const room = file.split('/')[1]!;
  const isTest = /\.(test|contract)\.ts$|\/testing\.ts$|\/testing\//.test(file);
  const isEdge = file.endsWith('.edge.ts');
  const out: Import[] = [];
  for (const m of text.matchAll(/^(?:import|export)\s+(type\s)?[^'"]*?from\s+'([^']+)'|\bimport\('([^']+)'\)/gm)) {
    out.push({ file, room, target: (m[2] ?? m[3])!, isTest, isEdge, typeOnly: m[1] !== undefined });
  }
  return out;
}

const files = globSync('src/**/*.ts', { cwd: ROOT }).map((f) => f.replaceAll('\\', '/'));
const imports = files.flatMap(importsOf);

test('every room is in the table, and the table names only rooms', () => {
  assert.deepEqual([...new Set(files.map((f) => f.split('/')[1]!))].sort(), Object.keys(LAYERS).sort());
});

test('the table is the one that people read', () => {
  const text = readFileSync(join(ROOT, 'ARCHITECTURE.md'), 'utf8');
  const read: Record<string, string[]> = {};
  for (const [, room, may] of text.matchAll(/^\| `(\w+)` \|.*\| ([^|]*) \|$/gm)) {
    read[room!] = may === 'all above' ? Object.keys(read) : may === '-' ? [] : may!.split(' ');
  }
  assert.deepEqual(read, LAYERS);
});

test('rooms import only what the table allows, and only through the door', () => {
  const wrong: string[] = [];
  let seen = 0;
  for (const { file, room, target, isTest } of imports) {
    if (!target.startsWith('.')) continue;
    seen++;
    const path = normalize(join(dirname(file), target));
    const [top, other] = path.split('/');
    if (top !== 'src') {
      if (!isTest && !OUTSIDE[room]?.includes(path)) wrong.push(`${file}: reaches outside src/ (${target})`);
      continue;
    }
    if (other === room) continue;
    if (isTest) continue;
    if (!LAYERS[room]!.includes(other!)) wrong.push(`${file}: ${room} may not import ${other}`);
    else if (!/^src\/[^/]+\/index\.ts$/.test(path)) wrong.push(`${file}: comes in by the window (${target})`);
  }
  assert.deepEqual(wrong, []);
  assert.ok(files.length > 40 && seen > 100, `looked at ${files.length} files and ${seen} imports only`);
});

test('only edge files touch the world', () => {
  const wrong = imports
    .filter((i) => !i.isEdge && !i.isTest && !i.typeOnly && EDGE_MODULES.has(i.target))
    .map((i) => `${i.file}: ${i.target}`);
  assert.deepEqual(wrong, []);
  assert.ok(imports.some((i) => i.isEdge && EDGE_MODULES.has(i.target)));
});

test('every room says what it is', () => {
  const silent = Object.keys(LAYERS).filter((room) => !existsSync(join(ROOT, 'src', room, 'README.md')));
  assert.deepEqual(silent, []);
});
