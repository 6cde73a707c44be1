import 'reflect-metadata';
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';
import * as x509 from '@peculiar/x509';
import { Batch } from './batch.fixture.ts';
import { allFieldCases } from './field-cases.fixture.ts';
import { goldenCases, translate } from './golden.fixture.ts';

/** The real Envoy; a machine without it cannot say that the configuration is good. */
function envoyBinary(): string {
  const said = process.env['SLUICE_ENVOY'];
  const candidates = [...(said ? [said] : []), ...(process.env['PATH'] ?? '').split(delimiter).map((d) => join(d, 'envoy'))];
  const found = candidates.find((c) => existsSync(c));
  assert.ok(found, 'Envoy was not found: set SLUICE_ENVOY to its binary, or put it on the PATH');
  return found;
}

async function credentials(): Promise<ConstructorParameters<typeof Batch>[0]> {
  const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
  const keys = await crypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({ name: 'CN=golden', keys, signingAlgorithm: algorithm });
  const der = Buffer.from(await crypto.subtle.exportKey('pkcs8', keys.privateKey)).toString('base64');
  const revoked = await x509.X509CrlGenerator.create({ issuer: 'CN=golden', signingKey: keys.privateKey, signingAlgorithm: algorithm });
  return {
    certificate: certificate.toString('pem'),
    key: `-----BEGIN PRIVATE KEY-----\n${der}\n-----END PRIVATE KEY-----\n`,
    revoked: revoked.toString('pem'),
  };
}

test('the real Envoy takes the configuration of every case, without a deprecated field', async () => {
  const batch = new Batch(await credentials());
  for (const c of goldenCases()) batch.add(c.file, translate(c, c.objects));
  for (const c of allFieldCases()) batch.add(`${c.file}: ${c.name}`, translate(c.setting, c.after));
  assert.ok(batch.size > 500, `only ${batch.size} clusters and listeners`);
  const dir = mkdtempSync(join(tmpdir(), 'golden-'));
  try {
    const path = join(dir, 'all.json');
    writeFileSync(path, JSON.stringify(batch.config()));
    const args = ['--mode', 'validate', '--disable-hot-restart', '--concurrency', '1', '-l', 'warning', '-c', path];
    const { stdout, stderr } = await promisify(execFile)(envoyBinary(), args, { timeout: 60_000 });
    assert.match(stdout + stderr, /OK/);
    assert.doesNotMatch(stderr, /Deprecated field/);
  } finally {
    rmSync(dir, { recursive: true });
  }
});
