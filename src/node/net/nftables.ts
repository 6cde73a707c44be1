import { ACK, APPEND, attribute, be16, be32, concat, CREATE, nest, REQUEST, text, u32, u8, type Request } from './message.ts';

/**
 * Firewall rules as the kernel takes them (linux/netfilter/nf_tables.h). Pure. Integers of nf_tables itself are in network
 * order; values that are compared are in the order of what they are compared with.
 */

const AF_IPV4 = 2;
/** Data registers: sixteen of four bytes; a value longer than four bytes fills the following ones too. */
export const R0 = 8;
export const R1 = 9;
export const R2 = 10;

const ACCEPT = 1;
const RETURN = -5;
const GOTO = -4;

/** One step of a rule, encoded. */
export type Expression = Uint8Array;
export type Rule = readonly Expression[];

export interface Chain {
  readonly name: string;
  /** Present when packets enter it from the network stack, absent when only rules lead to it. */
  readonly hook?: {
    readonly type: 'nat' | 'filter';
    readonly at: 'prerouting' | 'forward' | 'output' | 'postrouting';
    readonly priority: number;
  };
  readonly rules: readonly Rule[];
}

export interface NftElement {
  readonly key: Uint8Array;
  /** What it leads to, in a map. */
  readonly data?: Uint8Array | { readonly goto: string };
}

/** A set, or a map when its elements carry data. */
export interface NftSet {
  readonly name: string;
  readonly keyLength: number;
  /** What an element leads to: bytes of this length, or a verdict. */
  readonly data?: number | 'verdict';
  readonly elements: readonly NftElement[];
}

export interface Table {
  readonly name: string;
  readonly sets: readonly NftSet[];
  readonly chains: readonly Chain[];
}

const HOOKS = { prerouting: 0, forward: 2, output: 3, postrouting: 4 };

function expression(name: string, ...attributes: readonly Uint8Array[]): Expression {
  return nest(1, attribute(1, text(name)), nest(2, ...attributes));
}

const value = (type: number, bytes: Uint8Array): Uint8Array => nest(type, attribute(1, bytes));

/** Loads a fact about the packet. Link numbers and marks come in the machine's order. */
export function meta(key: 'mark' | 'outLink' | 'protocol', register: number): Expression {
  return expression('meta', attribute(1, be32(register)), attribute(2, be32({ mark: 3, outLink: 5, protocol: 16 }[key])));
}

/** Loads bytes of the IPv4 or transport header. */
export function header(field: 'source' | 'destination' | 'destinationPort', register: number): Expression {
  const [base, offset, length] = { source: [1, 12, 4], destination: [1, 16, 4], destinationPort: [2, 2, 2] }[field] as [
    number,
    number,
    number,
  ];
  return expression(
    'payload',
    attribute(1, be32(register)),
    attribute(2, be32(base)),
    attribute(3, be32(offset)),
    attribute(4, be32(length)),
  );
}

/** Ends the rule here unless the register holds (`eq`) or does not hold (`ne`) these bytes. */
export function compare(register: number, operator: 'eq' | 'ne', bytes: Uint8Array): Expression {
  return expression('cmp', attribute(1, be32(register)), attribute(2, be32(operator === 'eq' ? 0 : 1)), value(3, bytes));
}

/** register &= mask. */
export function mask(register: number, bytes: Uint8Array): Expression {
  return expression(
    'bitwise',
    attribute(1, be32(register)),
    attribute(2, be32(register)),
    attribute(3, be32(bytes.length)),
    value(4, bytes),
    value(5, new Uint8Array(bytes.length)),
  );
}

export function load(register: number, bytes: Uint8Array): Expression {
  return expression('immediate', attribute(1, be32(register)), value(2, bytes));
}

/** Ends the chain; packets go on as if it had no rule for them (`return`), or pass (`accept`). */
export function verdict(kind: 'accept' | 'return'): Expression {
  const code = kind === 'accept' ? ACCEPT : RETURN;
  return expression('immediate', attribute(1, be32(0)), nest(2, nest(2, attribute(1, be32(code)))));
}

/** Ends the rule unless the register is in the set; with `into`, writes what the map holds there (register 0: its verdict). */
export function lookup(set: string, register: number, into?: number): Expression {
  return expression(
    'lookup',
    attribute(1, text(set)),
    attribute(2, be32(register)),
    ...(into === undefined ? [] : [attribute(3, be32(into))]),
  );
}

/** A random number below `modulus`, in the machine's order. */
export function random(modulus: number, register: number): Expression {
  return expression('numgen', attribute(1, be32(register)), attribute(2, be32(modulus)), attribute(3, be32(1)));
}

/** To this machine's own address, at the port in the register. */
export function redirect(portRegister: number): Expression {
  return expression('redir', attribute(1, be32(portRegister)), attribute(3, be32(2)));
}

/** Rewrites the destination to the address and port in the registers. */
export function dnat(addressRegister: number, portRegister: number): Expression {
  return expression(
    'nat',
    attribute(1, be32(1)),
    attribute(2, be32(AF_IPV4)),
    attribute(3, be32(addressRegister)),
    attribute(5, be32(portRegister)),
    attribute(7, be32(2)),
  );
}

/** Rewrites the source to the address in the register. */
export function snat(addressRegister: number): Expression {
  return expression('nat', attribute(1, be32(0)), attribute(2, be32(AF_IPV4)), attribute(3, be32(addressRegister)));
}

/**
 * Refuses the packet: TCP with a reset, the rest as an unreachable port. A TCP client on this machine would miss the latter:
 * it arrives while `connect` still holds the socket.
 */
export function refuse(how: 'reset' | 'unreachable'): Expression {
  if (how === 'reset') return expression('reject', attribute(1, be32(1)));
  return expression('reject', attribute(1, be32(0)), attribute(2, u8(3)));
}

function message(kind: number, flags: number, what: string, ...attributes: readonly Uint8Array[]): Request {
  return { type: 0x0a00 | kind, flags: REQUEST | flags, body: concat([Uint8Array.of(AF_IPV4, 0, 0, 0), ...attributes]), what };
}

/** Begin and end of a transaction; nf_tables' subsystem number is 10. */
const mark = (type: number, what: string): Request => ({ type, flags: REQUEST, body: concat([Uint8Array.of(0, 0), be16(10)]), what });

const newTable = (table: string): Request => message(0, CREATE, `add table ${table}`, attribute(1, text(table)));

function newSet(table: string, set: NftSet, id: number): Request {
  const MAP = 8;
  return message(
    9,
    CREATE,
    `add set ${set.name}`,
    attribute(1, text(table)),
    attribute(2, text(set.name)),
    attribute(3, be32(set.data === undefined ? 0 : MAP)),
    attribute(4, be32(0)),
    attribute(5, be32(set.keyLength)),
    ...(set.data === undefined
      ? []
      : set.data === 'verdict'
        ? [attribute(6, be32(0xffffff00))]
        : [attribute(6, be32(0)), attribute(7, be32(set.data))]),
    attribute(10, be32(id)),
  );
}

/** Elements in messages of a size that fits an attribute's 16 bits. */
function elementMessages(kind: number, what: string, table: string, set: string, elements: readonly NftElement[]): Request[] {
  const CHUNK = 200;
  const out: Request[] = [];
  for (let at = 0; at < elements.length; at += CHUNK) {
    const encoded = elements.slice(at, at + CHUNK).map(({ key, data }) => {
      const to =
        data === undefined
          ? []
          : data instanceof Uint8Array
            ? [value(2, data)]
            : [nest(2, nest(2, attribute(1, be32(GOTO)), attribute(2, text(data.goto))))];
      return nest(1, value(1, key), ...to);
    });
    out.push(message(kind, kind === NEW_ELEMENTS ? CREATE : 0, `${what} ${set}`, ...named(table, set), nest(3, ...encoded)));
  }
  return out;
}

const NEW_ELEMENTS = 12;
const DELETE_ELEMENTS = 14;
const newElements = (table: string, set: string, elements: readonly NftElement[]): Request[] =>
  elementMessages(NEW_ELEMENTS, 'fill set', table, set, elements);
const deleteElements = (table: string, set: string, elements: readonly NftElement[]): Request[] =>
  elementMessages(DELETE_ELEMENTS, 'take from set', table, set, elements);

/** The table's name and that of a set, or of the chain whose rules are meant. */
const named = (table: string, name: string): Uint8Array[] => [attribute(1, text(table)), attribute(2, text(name))];

function newChain(table: string, chain: Chain): Request {
  const { hook } = chain;
  return message(
    3,
    CREATE,
    `add chain ${chain.name}`,
    attribute(1, text(table)),
    attribute(3, text(chain.name)),
    ...(hook === undefined
      ? []
      : [
          nest(4, attribute(1, be32(HOOKS[hook.at])), attribute(2, be32(hook.priority))),
          attribute(5, be32(ACCEPT)),
          attribute(7, text(hook.type)),
        ]),
  );
}

const newRule = (table: string, chain: string, rule: Rule): Request =>
  message(6, CREATE | APPEND, `add rule to ${chain}`, attribute(1, text(table)), attribute(2, text(chain)), nest(4, ...rule));

const deleteRules = (table: string, chain: string): Request => message(8, 0, `delete the rules of ${chain}`, ...named(table, chain));
const deleteChain = (table: string, chain: string): Request =>
  message(5, 0, `delete chain ${chain}`, attribute(1, text(table)), attribute(3, text(chain)));
const deleteSet = (table: string, set: string): Request => message(11, 0, `delete set ${set}`, ...named(table, set));

/**
 * The transaction that puts this table in the place of the one of its name: all of it stands or nothing.
 */
export function replaceTable(table: Table): Request[] {
  const { name } = table;
  // Adding first makes the delete succeed whether or not the table was there.
  const fresh = [newTable(name), message(2, 0, `delete table ${name}`, attribute(1, text(name))), newTable(name)];
  return transaction([...fresh, ...difference({ name, sets: [], chains: [] }, table)]);
}

/**
 * The transaction that makes `after` of `before`, the table of this name as it stands; none when nothing changed. Chains, sets and
 * elements that are the same objects in both are left alone. A set keeps its type, and a chain its hook, as long as it has its name.
 */
export function changeTable(before: Table, after: Table): Request[] {
  const body = difference(before, after);
  return body.length > 0 ? transaction(body) : [];
}

function difference(before: Table, after: Table): Request[] {
  const table = after.name;
  const oldSets = byName(before.sets);
  const oldChains = byName(before.chains);
  const newSets = byName(after.sets);
  const newChains = byName(after.chains);
  const addedSets = after.sets.filter((s) => !oldSets.has(s.name));
  const changedChains = after.chains.filter((c) => oldChains.get(c.name) !== c);
  const goneSets = before.sets.filter((s) => !newSets.has(s.name));
  const goneChains = before.chains.filter((c) => !newChains.has(c.name));
  const leaving = (s: NftSet): Request[] => {
    const now = newSets.get(s.name);
    return now && now !== s ? deleteElements(table, s.name, missingIn(now.elements, s.elements)) : [];
  };
  const coming = (s: NftSet): Request[] => {
    const old = oldSets.get(s.name);
    return old === s ? [] : newElements(table, s.name, missingIn(old?.elements ?? [], s.elements));
  };
  return [
    ...addedSets.map((s, i) => newSet(table, s, i + 1)),
    ...changedChains.filter((c) => !oldChains.has(c.name)).map((c) => newChain(table, c)),
    // Whatever leads to a chain or a set goes before it does.
    ...before.sets.flatMap(leaving),
    ...[...changedChains.filter((c) => oldChains.has(c.name)), ...goneChains].map((c) => deleteRules(table, c.name)),
    ...after.sets.flatMap(coming),
    ...changedChains.flatMap((c) => c.rules.map((r) => newRule(table, c.name, r))),
    ...goneSets.map((s) => deleteSet(table, s.name)),
    ...goneChains.map((c) => deleteChain(table, c.name)),
  ];
}

const byName = <T extends { readonly name: string }>(all: readonly T[]): Map<string, T> => new Map(all.map((x) => [x.name, x]));

function missingIn(there: readonly NftElement[], elements: readonly NftElement[]): NftElement[] {
  const known = new Set(there);
  return elements.filter((e) => !known.has(e));
}

/** Only the last message asks for an acknowledgement; errors come unasked. */
function transaction(body: readonly Request[]): Request[] {
  const last = body.at(-1)!;
  return [mark(0x10, 'begin'), ...body.slice(0, -1), { ...last, flags: last.flags | ACK }, mark(0x11, 'commit')];
}

/** A mark as `meta mark` gives it. */
export const markBytes = u32;
/** A link's number as `meta` gives it. */
export const linkBytes = u32;
