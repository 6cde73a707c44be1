import type { CertificateSigningRequest } from 'kubernetes-types/certificates/v1.js';
import { humanDuration } from '../../base/index.ts';
import { CertificateSigningRequests } from '../resources.ts';
import { type Causes, dnsLabel } from './check.ts';
import { ageColumn, column, nameColumn } from './columns.ts';
import { define } from './define.ts';
import { pathSegment } from './metadata.ts';
import { oldSigningRequests } from './legacy/others.ts';

const USAGES = [
  'any',
  'cert sign',
  'client auth',
  'code signing',
  'content commitment',
  'crl sign',
  'data encipherment',
  'decipher only',
  'digital signature',
  'email protection',
  'encipher only',
  'ipsec end system',
  'ipsec tunnel',
  'ipsec user',
  'key agreement',
  'key encipherment',
  'microsoft sgc',
  'netscape sgc',
  'ocsp signing',
  's/mime',
  'server auth',
  'signing',
  'timestamping',
];

/** Of requests from before signers had names. */
const LEGACY = 'kubernetes.io/legacy-unknown';

const PEM = /-----BEGIN (NEW )?CERTIFICATE REQUEST-----[\s\S]+-----END (NEW )?CERTIFICATE REQUEST-----/;

export const certificateSigningRequests = define<CertificateSigningRequest>({
  resource: CertificateSigningRequests,
  shortNames: ['csr'],
  schema: 'k8s.io.api.certificates.v1.CertificateSigningRequest',
  status: true,
  nameRule: pathSegment,
  subresources: [
    { name: 'approval', group: 'certificates.k8s.io', version: 'v1', kind: 'CertificateSigningRequest', verbs: ['get', 'patch', 'update'] },
  ],
  default(o) {
    (o as { status?: object }).status ??= {};
  },
  check(causes, o, old, _part, apiVersion) {
    const { spec } = o;
    if (!PEM.test(Buffer.from(spec?.request ?? '', 'base64').toString('latin1'))) {
      causes.invalid('spec.request', spec?.request ?? null, 'PEM block type must be CERTIFICATE REQUEST');
    }
    if (!spec?.usages?.length) causes.required('spec.usages');
    const seen = new Set<string>();
    spec?.usages?.forEach((usage, i) => {
      causes.oneOf(`spec.usages[${i}]`, usage, USAGES);
      if (seen.has(usage)) causes.duplicate(`spec.usages[${i}]`, usage);
      seen.add(usage);
    });
    checkSigner(causes, spec?.signerName);
    if (spec?.signerName === LEGACY && !old && apiVersion !== 'certificates.k8s.io/v1beta1') {
      causes.invalid('spec.signerName', LEGACY, 'the legacy signerName is not allowed via this API version');
    }
    if (spec?.expirationSeconds !== undefined && spec.expirationSeconds < 600) {
      causes.invalid('spec.expirationSeconds', spec.expirationSeconds, 'may not specify a duration less than 600 seconds (10 minutes)');
    }
    if (old) causes.immutable('spec', spec, old.spec);
    checkConditions(causes, o.status?.conditions ?? []);
  },
  columns: [
    nameColumn,
    ageColumn,
    column('SignerName', (o) => o.spec.signerName || '<none>'),
    column('Requestor', (o) => o.spec.username ?? ''),
    column('RequestedDuration', (o) => (o.spec.expirationSeconds ? humanDuration(o.spec.expirationSeconds * 1000) : '<none>')),
    column('Condition', conditionText),
  ],
  selectableFields: ['spec.signerName'],
  legacy: oldSigningRequests,
});

function checkConditions(causes: Causes, conditions: NonNullable<NonNullable<CertificateSigningRequest['status']>['conditions']>): void {
  const at = 'status.conditions';
  const types = conditions.map(({ type }) => type);
  conditions.forEach(({ type, status }, i) => {
    if (!type) causes.required(`${at}[${i}].type`);
    if (!status) causes.required(`${at}[${i}].status`);
    else
      causes.oneOf(`${at}[${i}].status`, status, ['Approved', 'Denied', 'Failed'].includes(type) ? ['True'] : ['True', 'False', 'Unknown']);
    if (types.indexOf(type) !== i) causes.duplicate(`${at}[${i}].type`, type);
  });
  const last = types.findLast((type) => type === 'Approved' || type === 'Denied');
  if (types.includes('Approved') && types.includes('Denied'))
    causes.invalid(at, last, 'Approved and Denied conditions are mutually exclusive');
}

function checkSigner(causes: Causes, name: string | undefined): void {
  if (!name) return causes.required('spec.signerName');
  const [domain, path, ...more] = name.split('/');
  if (!path || more.length)
    causes.invalid('spec.signerName', name, "must be a fully qualified domain and path of the form 'example.com/signer-name'");
  else if (!domain!.includes('.'))
    causes.invalid('spec.signerName', domain, 'should be a domain with at least two segments separated by dots');
  else {
    for (const label of domain!.split('.')) {
      const wrong = dnsLabel(label);
      if (wrong) causes.invalid('spec.signerName', domain, `validating label ${JSON.stringify(label)}: ${wrong}`);
    }
  }
}

function conditionText(o: CertificateSigningRequest): string {
  const has = (type: string): boolean => o.status?.conditions?.some((c) => c.type === type) ?? false;
  const words = [has('Denied') ? 'Denied' : has('Approved') ? 'Approved' : 'Pending'];
  if (has('Failed')) words.push('Failed');
  if (o.status?.certificate) words.push('Issued');
  return words.join(',');
}
