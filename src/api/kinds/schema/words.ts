import { sameInOthers, shortName } from './facts.ts';
import type { Words } from './words.edge.ts';

/** What is said of a message and its fields, by the name it has in OpenAPI; old versions go by what is said of those that followed. */
export function saidOf(words: Words, name: string): Readonly<Record<string, string>> | undefined {
  const short = shortName(name);
  const room = name.slice(0, -short.length);
  return (
    words[name] ??
    sameInOthers(short)
      .map((other) => words[room + other])
      .find((said) => said !== undefined)
  );
}

/** What is said of the fields that all objects have. */
export function saidOfObjects(words: Words): Readonly<Record<string, string>> {
  const { apiVersion = '', kind = '', metadata = '' } = words['io.k8s.api.core.v1.ConfigMap'] ?? {};
  return { apiVersion, kind, metadata };
}
