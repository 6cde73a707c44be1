import type { Container, Pod } from './objects.ts';

/** Who asks for an image: some entries depend on the pod (a proxy's bootstrap holds the pod's name and address). */
export interface ImageUse {
  readonly pod: Pod;
  readonly container: Container;
  readonly podIP: string;
}

/** A file or directory of the host that the image brings along. */
export interface ImageMount {
  /** On the host, absolute. */
  readonly source: string;
  /** In the container, absolute. */
  readonly target: string;
  /** Absent: true. */
  readonly readOnly?: boolean | undefined;
  /** Makes the source directory (mode 0700) when it does not exist; otherwise a missing source is an error of the container. */
  readonly createDirectory?: boolean | undefined;
}

/** An image that is built in: programs and files of this machine under the name of an image. */
export interface BuiltinImage {
  readonly kind: 'builtin';
  /** The image's entrypoint; `command` of the container replaces it. */
  readonly command: readonly string[];
  /** The image's default arguments; `args` of the container replaces them, as does a `command`. */
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly mounts: readonly ImageMount[];
  readonly workingDir: string;
  /** Why this entry was taken, for the Event on the pod: `the built-in podinfo 6.0.1`. */
  readonly note: string;
  /** Text files of the image, by absolute path. */
  readonly files?: Readonly<Record<string, string>> | undefined;
  /** Keeps CAP_NET_ADMIN (to mark packets, so that they pass the redirect). Only for the proxy. */
  readonly netAdmin?: boolean | undefined;
}

/** Which images there are. `use` is absent when only the name matters. */
export interface ImageCatalog {
  resolve(image: string, use?: ImageUse): BuiltinImage | { readonly error: string };
}

/** The image name that runs a program of the host in a container of its own; only it may mount host paths. */
export const HOST_IMAGE = 'host';

export interface ImageReference {
  /** Registry and repository, e.g. `docker.io/istio/examples-bookinfo-reviews-v1`. */
  readonly repository: string;
  /** `latest` when neither tag nor digest is given. */
  readonly tag: string | undefined;
  readonly digest: string | undefined;
}

const PART = '[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*';
const REFERENCE = new RegExp(
  `^((?:[A-Za-z0-9.-]+(?::[0-9]+)?/)?${PART}(?:/${PART})*)(?::([A-Za-z0-9_][A-Za-z0-9._-]{0,127}))?(?:@(sha256:[0-9a-f]{64}))?$`,
);

/** The parts of an image name, or undefined when it is not one. */
export function parseImage(image: string): ImageReference | undefined {
  const m = image.length > 512 ? null : REFERENCE.exec(image);
  if (!m) return undefined;
  return { repository: m[1]!, tag: m[2] ?? (m[3] ? undefined : 'latest'), digest: m[3] };
}
