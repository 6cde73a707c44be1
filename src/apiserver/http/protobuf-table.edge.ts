import { readFileSync } from 'node:fs';
import type { MessageTable } from './protobuf.ts';

let table: MessageTable | undefined;

/** The field numbers of Kubernetes' messages, read once when the first protobuf body comes in. */
export function protobufTable(): MessageTable {
  table ??= JSON.parse(readFileSync(new URL('../../../data/kubernetes-protobuf-fields.json', import.meta.url), 'utf8')) as MessageTable;
  return table;
}
