import type { Pod, ServiceAccount, VolumeMount, VolumeProjection } from 'kubernetes-types/core/v1.js';
import { nameSuffix, sleep, type Clock, type Rng } from '../base/index.ts';
import type { Admission } from './admission/admission.ts';
import { forbidden } from './errors.ts';

/** The account of pods that name none. */
const DEFAULT = 'default';
/** How often the default account of a young namespace is looked for, and how long between two looks, in milliseconds: a controller makes it. */
const LOOKS = 10;
const LOOK_AGAIN = 150;

/** Where client libraries look for it. */
const MOUNT_PATH = '/var/run/secrets/kubernetes.io/serviceaccount';
const VOLUME_PREFIX = 'kube-api-access-';
/** An hour, and a few seconds by which a node can tell that nobody chose it. */
const TOKEN_SECONDS = 3607;
/** Of pods that a node reports without being asked to run them. */
const MIRROR = 'kubernetes.io/config.mirror';

export interface ServiceAccountOptions {
  find(key: { readonly namespace: string; readonly name: string }): Promise<ServiceAccount | undefined>;
  readonly clock: Clock;
  readonly rng: Rng;
}

/**
 * Gives a new pod its service account: the default one unless it names another, its pull secrets, and a volume with a token, the
 * certificate of the API server and the namespace. Refuses pods whose account does not exist.
 */
export function serviceAccountAdmission({ find, clock, rng }: ServiceAccountOptions): Admission {
  async function look(namespace: string, name: string): Promise<ServiceAccount | undefined> {
    for (let i = 1; ; i++) {
      const found = await find({ namespace, name });
      if (found || name !== DEFAULT || i === LOOKS) return found;
      await sleep(clock, LOOK_AGAIN);
    }
  }

  return {
    async mutate({ operation, def, namespace = 'default', name, subresource, object }) {
      if (operation !== 'CREATE' || subresource || def.resource.kind !== 'Pod' || def.resource.group !== '') return;
      const pod = object as Pod;
      if (!pod.spec || pod.metadata?.annotations?.[MIRROR] !== undefined) return;
      const { spec } = pod;
      const wanted = (spec.serviceAccountName ||= DEFAULT);
      spec.serviceAccount = wanted;
      const account = await look(namespace, wanted);
      if (!account) {
        throw forbidden(def, name, `error looking up service account ${namespace}/${wanted}: serviceaccount "${wanted}" not found`);
      }
      if (spec.automountServiceAccountToken ?? account.automountServiceAccountToken ?? true) {
        mountToken(spec, () => VOLUME_PREFIX + nameSuffix(rng));
      }
      if (!spec.imagePullSecrets?.length && account.imagePullSecrets?.length)
        spec.imagePullSecrets = account.imagePullSecrets.map((s) => ({ ...s }));
    },
  };
}

type PodSpec = NonNullable<Pod['spec']>;

/** Mounts the volume in every container that has nothing of its own in that place; makes it unless the pod brought one along. */
function mountToken(spec: PodSpec, newName: () => string): void {
  const present = spec.volumes?.find((v) => v.name.startsWith(VOLUME_PREFIX))?.name;
  const name = present ?? newName();
  let used = false;
  for (const container of [...(spec.initContainers ?? []), ...spec.containers]) {
    if (container.volumeMounts?.some((m) => m.mountPath === MOUNT_PATH)) continue;
    const mount: VolumeMount = { name, readOnly: true, mountPath: MOUNT_PATH };
    container.volumeMounts = [...(container.volumeMounts ?? []), mount];
    used = true;
  }
  if (!present && used) spec.volumes = [...(spec.volumes ?? []), { name, projected: { defaultMode: 0o644, sources: tokenSources() } }];
}

function tokenSources(): VolumeProjection[] {
  return [
    { serviceAccountToken: { expirationSeconds: TOKEN_SECONDS, path: 'token' } },
    { configMap: { name: 'kube-root-ca.crt', items: [{ key: 'ca.crt', path: 'ca.crt' }] } },
    { downwardAPI: { items: [{ path: 'namespace', fieldRef: { apiVersion: 'v1', fieldPath: 'metadata.namespace' } }] } },
  ];
}
