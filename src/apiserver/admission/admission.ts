import type { AnyObject, KindDef, Served } from '../../api/index.ts';
import type { DeleteQuery, User, WriteQuery } from '../registry.ts';

export type Operation = 'CREATE' | 'UPDATE' | 'DELETE' | 'CONNECT';

export interface AdmissionRequest {
  readonly operation: Operation;
  readonly def: KindDef;
  /** The kind under the version that was asked for. */
  readonly served: Served;
  readonly namespace: string | undefined;
  readonly name: string;
  readonly subresource: string | undefined;
  /**
   * What is about to be stored, with identity and defaults, in the stored version. `mutate` may change it in place. The
   * object as it is, for DELETE; what is asked of the stream, for CONNECT.
   */
  readonly object: AnyObject;
  /** What is stored; undefined for CREATE and CONNECT. */
  readonly oldObject: AnyObject | undefined;
  readonly user: User;
  readonly dryRun: boolean;
  readonly query: WriteQuery | DeleteQuery;
  /** Tells the user something that is no refusal: a `Warning` header. */
  warn(text: string): void;
}

/**
 * Has a say in writes before they are stored. To refuse, it throws `ApiError`. It is called again when a write has to be
 * tried again, and when a webhook has changed what it saw.
 */
export interface Admission {
  /** Not called for DELETE and CONNECT, nor for subresources other than `scale`. */
  mutate?(request: AdmissionRequest): void | Promise<void>;
  validate?(request: AdmissionRequest): void | Promise<void>;
  /** Called last: keeps something for a write until it is stored or given up; what it returns lets go. */
  hold?(request: AdmissionRequest): (() => void) | undefined;
}
