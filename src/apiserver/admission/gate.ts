import { SERVER } from '../auth/identity.ts';
import type { Admission, AdmissionRequest } from './admission.ts';
import type { Webhooks } from './webhooks.ts';

/**
 * All who have a say in a request, in the order in which they are asked. What users bring, policies and webhooks, is
 * not asked about what the server does by its own hand: a webhook that is down could otherwise keep its own instance from starting.
 */
export interface Gate {
  /** `tidy` fills in defaults again when a webhook has changed the object. */
  mutate(request: AdmissionRequest, tidy: () => void): Promise<void>;
  validate(request: AdmissionRequest): Promise<void>;
  /** Keeps what the write needs until it is stored or given up; what it returns lets go. */
  hold(request: AdmissionRequest): () => void;
}

export function createGate(members: readonly Admission[], policies: Admission, webhooks: Webhooks): Gate {
  return {
    async mutate(request, tidy) {
      const { operation, subresource } = request;
      const writes = operation === 'CREATE' || operation === 'UPDATE';
      const own = async (): Promise<void> => {
        if (writes && (subresource === undefined || subresource === 'scale')) for (const { mutate } of members) await mutate?.(request);
      };
      await own();
      if (request.user !== SERVER) await webhooks.mutate(request, tidy, own);
    },

    async validate(request) {
      for (const { validate } of members) await validate?.(request);
      if (request.user === SERVER) return;
      await policies.validate?.(request);
      await webhooks.validate(request);
    },

    hold(request) {
      const held: (() => void)[] = [];
      const release = (): void => held.forEach((letGo) => letGo());
      try {
        for (const { hold } of members) {
          const letGo = hold?.(request);
          if (letGo) held.push(letGo);
        }
      } catch (error) {
        release();
        throw error;
      }
      return release;
    },
  };
}
