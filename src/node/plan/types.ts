import type { ConfigMap, Secret, Service, ServiceAccountTokenProjection } from '../objects.ts';
import type { ImageCatalog, ImageMount } from '../images.ts';

/** What a plan is made from besides the pod: all of it as it is now. */
export interface PlanInputs {
  configMap(name: string): ConfigMap | undefined;
  secret(name: string): Secret | undefined;
  /** The directory behind a claim of the pod's namespace, and whether it was made for it; or why there is none. */
  volumeOf(claim: string): { readonly path: string; readonly own: boolean } | { readonly problem: string };
  /** A token of the pod's service account, as fetched for it; undefined when it was not. */
  token(source: ServiceAccountTokenProjection): string | undefined;
  /** The services of the pod's namespace, and `default/kubernetes`. */
  readonly services: readonly Service[];
  readonly catalog: ImageCatalog;
  readonly podIP: string;
  readonly node: NodeFacts;
}

/** The machine as pods see it. */
export interface NodeFacts {
  readonly name: string;
  readonly address: string;
  readonly cpus: number;
  readonly memoryBytes: number;
}

/** Why a container cannot run yet, in Kubernetes' words (`state.waiting`). */
export interface Waiting {
  readonly reason: 'CreateContainerConfigError' | 'CreateContainerError' | 'ErrImagePull' | 'InvalidImageName';
  readonly message: string;
}

export interface VolumeMountPlan {
  readonly volume: string;
  /** In the container, absolute. */
  readonly target: string;
  /** Below the volume's root; empty: all of it. */
  readonly subPath: string;
  readonly readOnly: boolean;
}

/** All that is needed to start a container. Values are final: nothing is looked up afterwards. */
export interface ContainerPlan {
  readonly name: string;
  /** The reference as the pod names it. */
  readonly image: string;
  /** Which image that is here, and why; for the Event. */
  readonly imageNote: string;
  readonly argv: readonly string[];
  /** In order; names are unique. */
  readonly env: readonly (readonly [name: string, value: string])[];
  readonly workingDir: string;
  readonly volumeMounts: readonly VolumeMountPlan[];
  readonly imageMounts: readonly ImageMount[];
  /** Text by absolute path. */
  readonly files: Readonly<Record<string, string>>;
  /** Kept capabilities, lower case, without `cap_`. */
  readonly capabilities: readonly string[];
  readonly noNewPrivileges: boolean;
  readonly readOnlyRoot: boolean;
  /** Stdin is what comes by `attach`, always or until the first that attached has gone; or it is empty. */
  readonly stdin: 'keep' | 'once' | 'none';
  /** It has a terminal. */
  readonly terminal: boolean;
}

export interface VolumeFile {
  readonly content: Uint8Array;
  /** Permission bits. */
  readonly mode: number;
}

/** A volume of the pod. */
export type VolumePlan =
  | { readonly kind: 'files'; readonly name: string; readonly files: Readonly<Record<string, VolumeFile>> }
  | { readonly kind: 'empty'; readonly name: string; readonly memory: boolean; readonly sizeBytes: number | undefined }
  | { readonly kind: 'host'; readonly name: string; readonly path: string; readonly type: string };
