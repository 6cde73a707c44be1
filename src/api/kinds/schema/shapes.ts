/**
 * Schemas of custom kinds, written a field a line: `name! type limits -- what it is`, deeper fields indented by two.
 *
 * | written | means |
 * |---|---|
 * | `host! string` | a field `host` that is required |
 * | `string`, `int`, `int32`, `int64`, `number`, `bool`, `int\|string` | scalars |
 * | `object`, `open`, `any` | an object with the fields below it; an object of any fields; anything |
 * | `[string]`, `{string}`, `Port` | a list; a map by name; the shape `Port`, at the margin of this or a named other file |
 * | `1..63`, `..16`, `0..` | least and most: characters, items, fields of a map, or the number itself |
 * | `in(A, B, "")`, `~"^a+$"`, `@date-time`, `="Same"`, `null` | values allowed, pattern, format, default, may be null |
 * | `...Port` | all fields of the shape `Port` |
 * | `key(name)`, `set`, `atomic` | how lists and objects are merged |
 * | `one(a, b)`, `exactly(a, b)` | at most one, exactly one of these fields |
 * | `oneOf=[...]`, `anyOf=`, `allOf=` | what has no shorter form, in JSON |
 * | `? rule :: message` | below a field: a CEL rule for it; `[]?` and `{}?` for the items of a list or map |
 *
 * Blank lines and lines that begin with `#` at the margin are for readers.
 */
import type { Schema } from '../../kind.ts';
import { described, named, namingOf } from './names.ts';

/** Gives the schema of a shape by its name; equal names give the same object. */
export type Shapes = (name: string) => Schema;

/** The shapes in a text, under a prefix for their names in OpenAPI documents; names that it lacks are those of `others`. */
export function shapesOf(prefix: string, read: () => string, others?: Shapes): Shapes {
  const made = new Map<string, Schema>();
  let blocks: Map<string, string[]> | undefined;
  const shapes: Shapes = (name) => {
    const known = made.get(name);
    if (known) return known;
    blocks ??= blocksOf(read());
    const lines = blocks.get(name);
    if (!lines) {
      if (others) return others(name);
      throw new Error(`no such shape: ${name}`);
    }
    const [schema] = nodesOf(lines, 0, 0, shapes).values();
    const shape = schema!.type === 'object' && schema!.properties ? named(`${prefix}.${name}`, schema!) : schema!;
    made.set(name, shape);
    return shape;
  };
  return shapes;
}

/** Lines by the name that their first one has at the margin. */
function blocksOf(text: string): Map<string, string[]> {
  const blocks = new Map<string, string[]>();
  let current: string[] = [];
  for (const line of text.split('\n')) {
    if (!line.trim() || line.startsWith('#')) continue;
    if (line.startsWith(' ')) current.push(line);
    else blocks.set(/^\w+/.exec(line)![0], (current = [line]));
  }
  return blocks;
}

const depthOf = (line: string): number => /^ */.exec(line)![0].length / 2;
const FIELD = /^ *(?:"([^"]*)"|([^\s!"]+))(!?) /;
const INCLUDED = /^ *\.\.\.(\w+)$/;
const RULE = /^ *((?:\[\]|\{\})*)\? (.*) :: (.*)$/;

/** Fields at a depth, from a line on, by name; names of required ones end in `!`. */
function nodesOf(lines: readonly string[], from: number, depth: number, shapes: Shapes): Map<string, Schema> {
  const out = new Map<string, Schema>();
  for (let i = from; i < lines.length && depthOf(lines[i]!) >= depth;) {
    const line = lines[i]!;
    const included = INCLUDED.exec(line);
    if (included) {
      const { properties = {}, required = [] } = shapes(included[1]!);
      for (const [name, schema] of Object.entries(properties)) out.set(required.includes(name) ? `${name}!` : name, schema);
      i++;
      continue;
    }
    const field = FIELD.exec(line);
    if (!field) throw new Error(`not a field: ${line}`);
    let end = i + 1;
    while (end < lines.length && depthOf(lines[end]!) > depth) end++;
    const reader = new Reader(line, field[0].length, shapes);
    const schema = reader.node();
    const words = reader.words();
    fill(schema, lines.slice(i + 1, end), depth + 1, shapes);
    out.set((field[1] ?? field[2]!) + field[3], words && words !== schema.description ? described(schema, { description: words }) : schema);
    i = end;
  }
  return out;
}

/** Puts what is said below a field into its schema: rules, and the fields of the object at the core of lists and maps. */
function fill(schema: Schema, lines: readonly string[], depth: number, shapes: Shapes): void {
  let first = 0;
  for (; first < lines.length; first++) {
    const rule = RULE.exec(lines[first]!);
    if (!rule) break;
    let at = schema;
    for (let i = 0; i < rule[1]!.length; i += 2) at = inside(at)!;
    (at['x-kubernetes-validations'] ??= []).push({ rule: rule[2]!, message: rule[3]! });
  }
  if (first === lines.length) return;
  let core = schema;
  for (let next = inside(core); next; next = inside(core)) core = next;
  core.properties = {};
  for (const [name, field] of nodesOf(lines, first, depth, shapes)) {
    if (name.endsWith('!')) (core.required ??= []).push(name.slice(0, -1));
    core.properties[name.replace(/!$/, '')] = field;
  }
}

/** The schema of the items of a list or map. */
function inside(schema: Schema): Schema | undefined {
  return schema.items ?? (typeof schema.additionalProperties === 'object' ? schema.additionalProperties : undefined);
}

const TYPES: Readonly<Record<string, Schema>> = {
  string: { type: 'string' },
  int: { type: 'integer' },
  int32: { type: 'integer', format: 'int32' },
  int64: { type: 'integer', format: 'int64' },
  number: { type: 'number' },
  bool: { type: 'boolean' },
  object: { type: 'object' },
  open: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true },
  any: { 'x-kubernetes-preserve-unknown-fields': true },
  'int|string': { 'x-kubernetes-int-or-string': true },
};

const LIMITS = { string: 'Length', array: 'Items', object: 'Properties' } as const;
const STRING = /"(?:[^"\\]|\\.)*"/y;
const NUMBERS = /(-?\d+)?\.\.(-?\d+)?/y;
const LIST = /\(([^()]*)\)/y;
const WORD = /[A-Za-z][\w|]*/y;
const VALUE = /"(?:[^"\\]|\\.)*"|[^,\s]+/g;

/** Reads what is said of a field on its line. */
class Reader {
  private readonly text: string;
  private at: number;
  private readonly shapes: Shapes;

  constructor(text: string, at: number, shapes: Shapes) {
    this.text = text;
    this.at = at;
    this.shapes = shapes;
  }

  /** A type with its limits. */
  node(): Schema {
    const schema = this.type();
    while (this.text[this.at] === ' ' && !this.text.startsWith(' -- ', this.at)) {
      if (namingOf(schema)) throw new Error(`a shape takes its limits where it is written, not where it is used: ${this.text}`);
      this.at++;
      this.limit(schema);
    }
    return schema;
  }

  /** What the line says for people. */
  words(): string {
    if (this.at < this.text.length && !this.text.startsWith(' -- ', this.at)) throw new Error(`cannot read ${this.text} at ${this.at}`);
    return this.text.slice(this.at + ' -- '.length);
  }

  private type(): Schema {
    const open = this.text[this.at];
    if (open === '[' || open === '{') {
      this.at++;
      const items = this.node();
      this.at++;
      return open === '[' ? { type: 'array', items } : { type: 'object', additionalProperties: items };
    }
    const word = this.take(WORD);
    const type = TYPES[word];
    return type ? { ...type } : this.shapes(word);
  }

  private limit(schema: Schema): void {
    const sign = this.text[this.at]!;
    if (sign === '~' || sign === '@' || sign === '=') {
      this.at++;
      if (sign === '~') schema.pattern = this.json() as string;
      else if (sign === '@') schema.format = this.take(/[\w-]+/y);
      else schema.default = this.json();
      return;
    }
    if (/[-\d.]/.test(sign)) return this.range(schema);
    const word = this.take(WORD);
    switch (word) {
      case 'null':
        schema.nullable = true;
        return;
      case 'open':
        schema['x-kubernetes-preserve-unknown-fields'] = true;
        return;
      case 'set':
        schema['x-kubernetes-list-type'] = 'set';
        return;
      case 'atomic':
        if (schema.type === 'array') schema['x-kubernetes-list-type'] = 'atomic';
        else schema['x-kubernetes-map-type'] = 'atomic';
        return;
      case 'in':
        schema.enum = this.list().map((value) => (/^("|-?\d+$)/.test(value) ? (JSON.parse(value) as unknown) : value));
        return;
      case 'key':
        schema['x-kubernetes-list-type'] = 'map';
        schema['x-kubernetes-list-map-keys'] = this.list();
        return;
      case 'one': {
        const fields = this.list().map((field) => ({ required: [field] }));
        return choose(schema, [{ not: { anyOf: fields } }, ...fields]);
      }
      case 'exactly':
        return choose(
          schema,
          this.list().map((field) => ({ required: [field] })),
        );
      case 'oneOf':
      case 'anyOf':
        this.at++;
        schema[word] = this.json() as Schema[];
        return;
      case 'allOf':
        this.at++;
        (schema.allOf ??= []).push(this.json() as Schema);
        return;
      default:
        throw new Error(`${word} is not a limit: ${this.text}`);
    }
  }

  private range(schema: Schema): void {
    const [least, most] = this.take(NUMBERS).split('..');
    const what = LIMITS[schema.type as keyof typeof LIMITS];
    const [min, max] = what ? ([`min${what}`, `max${what}`] as const) : (['minimum', 'maximum'] as const);
    if (least) schema[min] = Number(least);
    if (most) schema[max] = Number(most);
  }

  private list(): string[] {
    return this.take(LIST).slice(1, -1).match(VALUE) ?? [];
  }

  /** A JSON value: a scalar, or all up to the bracket that closes it. */
  private json(): unknown {
    const start = this.at;
    let depth = 0;
    do {
      const char = this.text[this.at]!;
      if ('{['.includes(char)) depth++;
      if (']}'.includes(char)) depth--;
      if (char === '"') this.take(STRING);
      else if (depth > 0 || ']}'.includes(char)) this.at++;
      else this.take(/[^\s\]}]+/y);
    } while (depth > 0);
    return JSON.parse(this.text.slice(start, this.at));
  }

  private take(what: RegExp): string {
    what.lastIndex = this.at;
    const found = what.exec(this.text);
    if (!found) throw new Error(`cannot read ${this.text} at ${this.at}`);
    this.at = what.lastIndex;
    return found[0];
  }
}

/** A first choice is the schema's own; further ones are conditions of their own. */
function choose(schema: Schema, oneOf: Schema[]): void {
  if (schema.oneOf) (schema.allOf ??= []).push({ oneOf });
  else schema.oneOf = oneOf;
}
