/** Cloud Monitoring's MQL query (https://cloud.google.com/monitoring/api/ref_v3/rest/v3/projects.timeSeries/query). */
import { importPKCS8, SignJWT } from 'jose';
import { Fault } from '../../base/index.ts';
import {
  address,
  asArray,
  ask,
  askJson,
  asNumber,
  asObject,
  credential,
  present,
  type Provider,
  type Question,
  type Tools,
} from './provider.ts';

const SCOPE = 'https://www.googleapis.com/auth/monitoring.read';
const METADATA = 'http://metadata.google.internal/computeMetadata/v1';
const METADATA_HEADERS = { 'metadata-flavor': 'Google' };

export const stackdriver: Provider = async (question, tools) => {
  const project = question.secret ? credential(question, 'project') : (await fromMachine(question, tools, '/project/project-id')).trim();
  const token = await tokenFor(question, tools);
  const url = address(question, `/v3/projects/${encodeURIComponent(project)}/timeSeries:query`, 'https://monitoring.googleapis.com').href;
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
  const answer = asObject(
    await askJson(question, tools, { method: 'POST', url, headers, body: JSON.stringify({ query: question.query }) }),
  );
  return asArray(answer['timeSeriesData'])
    .map((series) => {
      const [newest] = asArray(asObject(series)['pointData']);
      const value = asObject(asArray(asObject(newest)['values'])[0]);
      return asNumber(value['doubleValue'] ?? value['int64Value']);
    })
    .filter(present);
};

/** An access token: of the service account in the Secret, else of the one of the machine on Google Cloud. */
async function tokenFor(question: Question, tools: Tools): Promise<string> {
  const key = question.secret?.data['serviceAccountKey'];
  const answer = key
    ? await askJson(question, tools, await grant(question, key))
    : JSON.parse(await fromMachine(question, tools, '/instance/service-accounts/default/token'));
  const token = asObject(answer)['access_token'];
  if (typeof token !== 'string') throw new Fault('NoToken', 'Google gave no access token: is the service account enabled?');
  return token;
}

/** RFC 7523: the account signs for itself. */
async function grant(
  { secret, now }: Question,
  text: string,
): Promise<{ method: 'POST'; url: string; headers: Record<string, string>; body: string }> {
  const bad = (why: string): Fault =>
    new Fault('NoCredentials', `serviceAccountKey in Secret ${secret?.name} ${why}: put the JSON key of a service account there`);
  let fields: Readonly<Record<string, unknown>>;
  try {
    fields = asObject(JSON.parse(text));
  } catch {
    throw bad('is not JSON');
  }
  const { client_email: email, private_key: pem, token_uri: url = 'https://oauth2.googleapis.com/token' } = fields;
  if (typeof email !== 'string' || typeof pem !== 'string' || typeof url !== 'string') throw bad('has no client_email and private_key');
  const signer = await importPKCS8(pem, 'RS256').catch(() => {
    throw bad('has a private_key that cannot be read');
  });
  const issued = Math.floor(now / 1000);
  const assertion = await new SignJWT({ scope: SCOPE })
    .setProtectedHeader({ alg: 'RS256', typ: 'JWT' })
    .setIssuer(email)
    .setAudience(url)
    .setIssuedAt(issued)
    .setExpirationTime(issued + 3600)
    .sign(signer);
  const body = new URLSearchParams({ grant_type: 'urn:ietf:params:oauth:grant-type:jwt-bearer', assertion }).toString();
  return { method: 'POST', url, headers: { 'content-type': 'application/x-www-form-urlencoded' }, body };
}

function fromMachine(question: Question, tools: Tools, path: string): Promise<string> {
  return ask(question, tools, { url: METADATA + path, headers: METADATA_HEADERS }).catch((cause: unknown) => {
    const hint = 'name a Secret with project and serviceAccountKey in spec.provider.secretRef';
    throw new Fault('NoCredentials', `stackdriver credentials are missing, and this is no machine on Google Cloud: ${hint}`, { cause });
  });
}
