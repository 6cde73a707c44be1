import { readFileSync } from 'node:fs';
import { createFileRegistry, fromBinary, type FileRegistry } from '@bufbuild/protobuf';
import { FileDescriptorSetSchema, type DescriptorProto, type FileDescriptorSet } from '@bufbuild/protobuf/wkt';

let registry: FileRegistry | undefined;

/** Every message of the Envoy API, as the pinned Envoy itself knows them; read on first use (about 50 ms). */
export function envoyTypes(): FileRegistry {
  registry ??= createFileRegistry(
    withJsonNames(fromBinary(FileDescriptorSetSchema, readFileSync(new URL('../../data/envoy-1.40.0-descriptors.binpb', import.meta.url)))),
  );
  return registry;
}

/** Envoy's own descriptors leave out the camelCase names of fields, by which users may write them in EnvoyFilters. */
function withJsonNames(set: FileDescriptorSet): FileDescriptorSet {
  const name = (message: DescriptorProto): void => {
    for (const field of message.field) field.jsonName ||= field.name.replaceAll(/_+(.)/g, (_, letter: string) => letter.toUpperCase());
    message.nestedType.forEach(name);
  };
  for (const file of set.file) file.messageType.forEach(name);
  return set;
}
