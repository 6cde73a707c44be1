/**
 * The images that are built in: which image name stands for which sample app. Registry and organisation do not
 * count (`docker.io/istio/examples-bookinfo-reviews-v2` is reviews v2 wherever it is said to come from); the tag
 * sets the version that the app shows, and a tag the table does not know is an error, as it would be at a registry.
 */

export interface BuiltinApp {
  /** Short name, for Events. */
  readonly app: string;
  /** What runs when the pod names no command; paths as the container sees them. */
  readonly entrypoint: readonly string[];
  /** Arguments when the pod names none. */
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** Where it runs: what manifests call by a relative path is there. */
  readonly workingDir?: string;
}

interface Entry {
  /** The last part of the image's name. */
  readonly image: RegExp;
  readonly tag: RegExp;
  /** Tags that are known, said to the user. */
  readonly tags: string;
  app(image: RegExpExecArray, tag: string): BuiltinApp;
}

const ROOT = '/opt/sluice/samples';
const run = (script: string): string[] => ['node', `${ROOT}/${script}`];
const SEMVER = /^v?\d+(\.\d+){0,2}(-[\w.]+)?$/;
const ANY = /^(latest|v?\d[\w.-]*)$/;

const bookinfo = (service: string, version: string, env: Record<string, string> = {}): BuiltinApp => ({
  app: `bookinfo ${service} ${version}`,
  entrypoint: run(`bookinfo/${service}.ts`),
  args: ['9080'],
  env: { SERVICE_VERSION: version, ...env },
});

const ENTRIES: readonly Entry[] = [
  {
    image: /^examples-bookinfo-(productpage|details|reviews|ratings)-(v[\w-]+)$/,
    tag: ANY,
    tags: 'any release number',
    app: (m) => bookinfo(m[1]!, m[2]!),
  },
  {
    image: /^podinfo$/,
    tag: /^(\d+\.\d+\.\d+(-[\w.]+)?|latest|error)$/,
    tags: 'a release such as 6.14.1, or error (a version that fails)',
    app: (_m, tag) => ({
      app: 'podinfo',
      entrypoint: [],
      args: ['./podinfo'],
      env: { ...(SEMVER.test(tag) ? { SERVICE_VERSION: tag } : {}), ...(tag === 'error' ? { PODINFO_RANDOM_ERROR: 'true' } : {}) },
      workingDir: `${ROOT}/podinfo`,
    }),
  },
  {
    image: /^go-httpbin$/,
    tag: ANY,
    tags: 'any release number',
    app: () => ({ app: 'httpbin', entrypoint: run('httpbin/main.ts'), args: ['8080'], env: {} }),
  },
  {
    image: /^httpbin$/,
    tag: ANY,
    tags: 'any release number',
    app: () => ({ app: 'httpbin', entrypoint: run('httpbin/main.ts'), args: ['80'], env: {} }),
  },
  {
    image: /^(curl|sleep|curlimages)$/,
    tag: ANY,
    tags: 'any release number',
    app: () => ({ app: 'curl', entrypoint: [], args: ['curl', '--help'], env: {} }),
  },
  {
    image: /^flagger-loadtester$/,
    tag: ANY,
    tags: 'any release number',
    app: () => ({ app: 'load tester', entrypoint: ['./loadtester'], args: ['-port=8080'], env: {}, workingDir: `${ROOT}/loadtester` }),
  },
  {
    image: /^examples-helloworld-(v\d)$/,
    tag: ANY,
    tags: 'any release number',
    app: (m) => ({ app: `helloworld ${m[1]}`, entrypoint: run('helloworld.ts'), args: ['5000'], env: { SERVICE_VERSION: m[1]! } }),
  },
];

/** The names that can be used, for messages. */
export const BUILTIN_IMAGES =
  'examples-bookinfo-{productpage,details,reviews,ratings}-VERSION, podinfo, go-httpbin, httpbin, curl, flagger-loadtester, examples-helloworld-{v1,v2}';

/** The built-in app an image name stands for, a sentence that says why its tag is not one, or undefined. */
export function builtinApp(image: string): BuiltinApp | { error: string } | undefined {
  const [path = ''] = image.split('@');
  const last = path.slice(path.lastIndexOf('/') + 1);
  const colon = last.indexOf(':');
  const name = colon < 0 ? last : last.slice(0, colon);
  const tag = colon < 0 ? 'latest' : last.slice(colon + 1);
  for (const entry of ENTRIES) {
    const match = entry.image.exec(name);
    if (!match) continue;
    if (!entry.tag.test(tag)) return { error: `the built-in image ${name} has no tag ${tag}: use ${entry.tags}` };
    return entry.app(match, tag);
  }
  return undefined;
}
