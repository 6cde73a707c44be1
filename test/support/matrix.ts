/** Keeps what clients asked for, when `SLUICE_MATRIX` names a file: one line of JSON a call. `test/clients/matrix.ts` makes docs/clients.md of it. */
import { appendFileSync } from 'node:fs';

export interface MatrixLine {
  readonly client: string;
  readonly call: string;
  /** `GET /api/v1/pods?limit=500 200` */
  readonly requests: readonly string[];
}

export const MATRIX_FILE = process.env['SLUICE_MATRIX'];

export function recordMatrix(client: string, call: string, requests: readonly string[]): void {
  if (MATRIX_FILE) appendFileSync(MATRIX_FILE, `${JSON.stringify({ client, call, requests } satisfies MatrixLine)}\n`);
}
