import { readFileSync } from 'node:fs';

/** For each protobuf message of Kubernetes' own kinds: JSON field -> [protobuf number, type]. */
export type MessageFields = Readonly<Record<string, Readonly<Record<string, readonly [number: number, type: string]>>>>;

let loaded: MessageFields | undefined;

/** The fields of every message of Kubernetes' own kinds; read once, on first use. */
export function messageFields(): MessageFields {
  loaded ??= JSON.parse(
    readFileSync(new URL('../../../../data/kubernetes-protobuf-fields.json', import.meta.url), 'utf8'),
  ) as MessageFields;
  return loaded;
}
