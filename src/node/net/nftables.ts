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

/** A set, or a map when its elements carry data. */
export interface NftSet {
  readonly name: string;
  readonly keyLength: number;
  /** What an element leads to: bytes of this length, or a verdict. */
  readonly data?: number | 'verdict';
  readonly elements: readonly { readonly key: Uint8Array; readonly data?: Uint8Array | { readonly goto: string } }[];
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
function newElements(table: string, set: NftSet): Request[] {
  const CHUNK = 200;
  const out: Request[] = [];
  for (let at = 0; at < set.elements.length; at += CHUNK) {
    const elements = set.elements.slice(at, at + CHUNK).map(({ key, data }) => {
      const to =
        data === undefined
          ? []
          : data instanceof Uint8Array
            ? [value(2, data)]
            : [nest(2, nest(2, attribute(1, be32(GOTO)), attribute(2, text(data.goto))))];
      return nest(1, value(1, key), ...to);
    });
    out.push(message(12, CREATE, `fill set ${set.name}`, attribute(1, text(table)), attribute(2, text(set.name)), nest(3, ...elements)));
  }
  return out;
}

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

/**
 * The transaction that puts this table in the place of the one of its name: all of it stands or nothing.
 * Only its last message asks for an acknowledgement; errors come unasked.
 */
export function replaceTable(table: Table): Request[] {
  const { name } = table;
  const fill = [
    ...table.sets.map((s, i) => newSet(name, s, i + 1)),
    ...table.chains.map((c) => newChain(name, c)),
    ...table.sets.flatMap((s) => newElements(name, s)),
    ...table.chains.flatMap((c) => c.rules.map((r) => newRule(name, c.name, r))),
  ];
  // Adding first makes the delete succeed whether or not the table was there.
  const body = [newTable(name), message(2, 0, `delete table ${name}`, attribute(1, text(name))), newTable(name), ...fill];
  const last = body.at(-1)!;
  return [mark(0x10, 'begin'), ...body.slice(0, -1), { ...last, flags: last.flags | ACK }, mark(0x11, 'commit')];
}

/** A mark as `meta mark` gives it. */
export const markBytes = u32;
/** A link's number as `meta` gives it. */
export const linkBytes = u32;
