import { readFileSync } from 'node:fs';
import { createFileRegistry, fromBinary, type FileRegistry } from '@bufbuild/protobuf';
import { FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt';

let registry: FileRegistry | undefined;

/** Every message of the Envoy API, as the pinned Envoy itself knows them; read on first use (about 50 ms). */
export function envoyTypes(): FileRegistry {
  registry ??= createFileRegistry(
    fromBinary(FileDescriptorSetSchema, readFileSync(new URL('../../data/envoy-1.40.0-descriptors.binpb', import.meta.url))),
  );
  return registry;
}
