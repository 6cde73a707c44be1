import type { AnyObject, KindDef } from '../api/index.ts';
import type { User } from './registry.ts';

export interface AdmissionRequest {
  readonly operation: 'CREATE' | 'UPDATE' | 'DELETE';
  readonly def: KindDef;
  readonly namespace: string | undefined;
  readonly name: string;
  readonly subresource: string | undefined;
  /** What is about to be stored, with identity and defaults. `mutate` may change it in place. The object as it is, for DELETE. */
  readonly object: AnyObject;
  /** What is stored; undefined for CREATE. */
  readonly oldObject: AnyObject | undefined;
  readonly user: User;
  readonly dryRun: boolean;
}

/** Has a say in writes before they are stored. To refuse, it throws `ApiError`. It is called again when a write has to be tried again. */
export interface Admission {
  /** Not called for DELETE. */
  mutate?(request: AdmissionRequest): void | Promise<void>;
  validate?(request: AdmissionRequest): void | Promise<void>;
}
