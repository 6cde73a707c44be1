import { ApiError } from '../../api/index.ts';
import { copy, equal, isRecord, type Json } from '../json.ts';

/** The most operations in one patch, as the Kubernetes API has it. */
const LIMIT = 10_000;
/** How much JSON the operations of one patch may copy, in characters: copies of copies grow without bounds. */
const MAX_COPIED = 3 * 1024 * 1024;

/** Applies a JSON patch (RFC 6902) to a copy of the document. Throws BadRequest for a malformed patch, Invalid for one that does not apply. */
export function applyJsonPatch(document: unknown, patch: unknown): unknown {
  if (!Array.isArray(patch)) throw new ApiError('BadRequest', 'a JSON patch is a list of operations');
  if (patch.length > LIMIT) {
    throw new ApiError('RequestEntityTooLarge', `The allowed maximum operations in a JSON patch is ${LIMIT}, got ${patch.length}`);
  }
  let root = copy(document);
  let copied = 0;
  for (const operation of patch as unknown[]) {
    if (!isRecord(operation)) throw new ApiError('BadRequest', 'each operation of a JSON patch is an object with "op" and "path"');
    if (operation['op'] === 'copy') {
      copied += JSON.stringify(read(root, pointer(operation, 'from'), operation)).length;
      if (copied > MAX_COPIED) throw new ApiError('RequestEntityTooLarge', `a JSON patch may copy at most ${MAX_COPIED} characters`);
    }
    root = apply(root, operation);
  }
  return root;
}

function apply(root: unknown, operation: Json): unknown {
  const path = pointer(operation, 'path');
  switch (operation['op']) {
    case 'add':
      return add(root, path, copy(valueOf(operation)), operation);
    case 'remove':
      return remove(root, path, operation);
    case 'replace':
      read(root, path, operation);
      return path.length === 0 ? copy(valueOf(operation)) : add(remove(root, path, operation), path, copy(valueOf(operation)), operation);
    case 'move': {
      const from = pointer(operation, 'from');
      const value = read(root, from, operation);
      return add(remove(root, from, operation), path, value, operation);
    }
    case 'copy':
      return add(root, path, copy(read(root, pointer(operation, 'from'), operation)), operation);
    case 'test':
      if (!equal(read(root, path, operation), valueOf(operation))) {
        throw new ApiError('Invalid', `testing value ${operation['path'] as string} failed: test failed`);
      }
      return root;
    default:
      throw new ApiError('BadRequest', `Unexpected kind: ${JSON.stringify(operation['op'])}`);
  }
}

function valueOf(operation: Json): unknown {
  if (operation['value'] === undefined)
    throw new ApiError('BadRequest', `the operation ${JSON.stringify(operation['op'])} needs a "value"`);
  return operation['value'];
}

function pointer(operation: Json, field: 'path' | 'from'): string[] {
  const text = operation[field];
  if (typeof text !== 'string' || (text !== '' && !text.startsWith('/'))) {
    throw new ApiError('BadRequest', `"${field}" of a JSON patch operation is a JSON pointer like /metadata/labels/app`);
  }
  return text
    .split('/')
    .slice(1)
    .map((step) => step.replaceAll('~1', '/').replaceAll('~0', '~'));
}

function missing(operation: Json): ApiError {
  return new ApiError(
    'Invalid',
    `the server rejected our request due to an error in our request: ${operation['op'] as string} operation does not apply: doc is missing path: ${JSON.stringify(operation['path'])}`,
  );
}

function read(root: unknown, path: readonly string[], operation: Json): unknown {
  let value = root;
  for (const step of path) {
    if (Array.isArray(value)) value = value[index(value, step, operation)];
    else if (isRecord(value) && Object.hasOwn(value, step)) value = value[step];
    else throw missing(operation);
  }
  return value;
}

function index(list: readonly unknown[], step: string, operation: Json, end = list.length - 1): number {
  const i = /^(0|[1-9]\d*)$/.test(step) ? Number(step) : -1;
  if (i < 0 || i > end) throw missing(operation);
  return i;
}

function add(root: unknown, path: readonly string[], value: unknown, operation: Json): unknown {
  const last = path.at(-1);
  if (last === undefined) return value;
  const parent = read(root, path.slice(0, -1), operation);
  if (Array.isArray(parent)) parent.splice(last === '-' ? parent.length : index(parent, last, operation, parent.length), 0, value);
  else if (isRecord(parent) && last !== '__proto__') parent[last] = value;
  else throw missing(operation);
  return root;
}

function remove(root: unknown, path: readonly string[], operation: Json): unknown {
  const last = path.at(-1);
  if (last === undefined) return null;
  const parent = read(root, path.slice(0, -1), operation);
  if (Array.isArray(parent)) parent.splice(index(parent, last, operation), 1);
  else if (isRecord(parent) && Object.hasOwn(parent, last)) delete parent[last];
  else throw missing(operation);
  return root;
}
