import { ApiError, messageFields } from '../../api/index.ts';
import { messageOf, parseYaml } from '../../base/index.ts';
import { parseJson, wellFormed } from '../json.ts';
import type { Body, PatchType } from '../registry.ts';
import { decodeProtobuf } from './protobuf.ts';

/** The largest body that is read. */
export const MAX_BODY_BYTES = 3 * 1024 * 1024;
/** The longest YAML that is read, in characters: its parser takes a second for a megabyte, and nobody else is served meanwhile. */
const MAX_YAML_LENGTH = 1024 * 1024;

/** All bytes of a body; RequestEntityTooLarge when it is larger than is allowed, BadRequest when it breaks off. */
export async function readBody(chunks: AsyncIterable<Uint8Array>, limit = MAX_BODY_BYTES): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  let length = 0;
  try {
    for await (const chunk of chunks) {
      length += chunk.length;
      if (length > limit) throw new ApiError('RequestEntityTooLarge', `the request is too large: at most ${limit} bytes are read`);
      parts.push(chunk);
    }
  } catch (error) {
    throw error instanceof ApiError ? error : new ApiError('BadRequest', `the body broke off: ${messageOf(error)}`);
  }
  return Buffer.concat(parts);
}

/** Reads a body by its content type: JSON, YAML or protobuf; UnsupportedMediaType for others, BadRequest when it is damaged. */
export function decodeBody(bytes: Buffer, contentType: string | undefined): Body {
  const type = mediaType(contentType);
  switch (type) {
    case '':
    case 'application/json':
      return readJson(bytes.toString('utf8'));
    case 'application/yaml':
      return readYaml(bytes.toString('utf8'));
    case 'application/vnd.kubernetes.protobuf':
      return { value: decodeProtobuf(bytes, messageFields()) };
    default:
      throw unsupported(type, ['application/json', 'application/yaml', 'application/vnd.kubernetes.protobuf']);
  }
}

const PATCH_TYPES: Readonly<Record<string, PatchType>> = {
  'application/json-patch+json': 'json',
  'application/merge-patch+json': 'merge',
  'application/strategic-merge-patch+json': 'strategic',
  'application/apply-patch+yaml': 'apply',
};

/** Reads the body of a PATCH; which kind of patch it is, its content type says. */
export function decodePatch(bytes: Buffer, contentType: string | undefined): { type: PatchType; body: Body } {
  const media = mediaType(contentType);
  const type = Object.hasOwn(PATCH_TYPES, media) ? PATCH_TYPES[media]! : undefined;
  if (!type) throw unsupported(media, Object.keys(PATCH_TYPES));
  const text = bytes.toString('utf8');
  return { type, body: type === 'apply' ? readYaml(text) : readJson(text) };
}

function readJson(text: string): Body {
  try {
    return parseJson(text);
  } catch (error) {
    throw new ApiError('BadRequest', `the body is not valid JSON: ${messageOf(error)}`);
  }
}

function readYaml(text: string): Body {
  // Most clients send JSON as YAML, and JSON is read much faster.
  if (text.trimStart().startsWith('{')) {
    try {
      return parseJson(text);
    } catch {
      // A flow mapping in YAML may begin like that too.
    }
  }
  if (text.length > MAX_YAML_LENGTH) {
    throw new ApiError('RequestEntityTooLarge', `the YAML is too long: at most ${MAX_YAML_LENGTH} characters are read; send JSON`);
  }
  let documents: unknown[];
  try {
    documents = parseYaml(text, 'the body');
  } catch (error) {
    throw new ApiError('BadRequest', messageOf(error));
  }
  if (documents.length !== 1) throw new ApiError('BadRequest', `the body holds ${documents.length} YAML documents: send one`);
  return { value: wellFormed(documents[0]) };
}

function mediaType(contentType: string | undefined): string {
  return (contentType ?? '').split(';')[0]!.trim().toLowerCase();
}

function unsupported(type: string, known: readonly string[]): ApiError {
  return new ApiError('UnsupportedMediaType', `the body of the request was in an unknown format ("${type}"): send ${known.join(', ')}`);
}
