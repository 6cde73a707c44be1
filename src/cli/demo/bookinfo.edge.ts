/** First half of the demo: routing. Every claim is checked on requests that went through the gateway. */
import { withinThreeSigma } from './report.ts';
import { sampleFile, type World } from './world.edge.ts';

const REVIEWS = '/api/v1/products/0/reviews';
const REQUESTS = 1_000;
const CONCURRENCY = 10;

export async function deployBookinfo(world: World): Promise<void> {
  const { report } = world;
  report.step('Bookinfo in the mesh');
  await world.kubectl('label', 'namespace', 'default', 'istio-injection=enabled', '--overwrite');
  await world.kubectl('apply', '-f', sampleFile('bookinfo/bookinfo.yaml'));
  await world.kubectl('apply', '-f', sampleFile('bookinfo/destination-rules.yaml'));
  await world.kubectl('apply', '-f', sampleFile('bookinfo/gateway.yaml'));
  await world.available('default', 'productpage-v1', 'details-v1', 'ratings-v1', 'reviews-v1', 'reviews-v2', 'reviews-v3');
  await world.until('the product page answers through the gateway', 20_000, async () => (await world.get('/productpage')).status === 200);
  report.line(await world.kubectl('get', 'pods'));
  report.command(`curl -s ${world.ingressUrl}/productpage | grep -o "<title>.*</title>"`);
  const page = await world.get('/productpage');
  report.check(
    page.status === 200 && page.body.includes('<title>Simple Bookstore App</title>'),
    `the product page answers ${page.status} in ${Math.round(page.seconds * 1000)} ms`,
  );
}

/** Which version of reviews answered: v1 shows no stars, v2 black ones, v3 red ones. */
function version(body: string): 'v1' | 'v2' | 'v3' | 'other' {
  if (!body.includes('"reviews"')) return 'other';
  return body.includes('"red"') ? 'v3' : body.includes('"black"') ? 'v2' : 'v1';
}

export async function splitTraffic(world: World): Promise<void> {
  const { report } = world;
  report.step('An 80/20 split');
  await world.kubectl('apply', '-f', sampleFile('bookinfo/all-v1.yaml'));
  await world.until('all requests go to v1', 10_000, async () => {
    for (let i = 0; i < 12; i++) if (version((await world.get(REVIEWS)).body) !== 'v1') return false;
    return true;
  });
  await world.kubectl('apply', '-f', sampleFile('bookinfo/reviews-80-20.yaml'));
  await world.until('the first request reaches v3', 10_000, async () => version((await world.get(REVIEWS)).body) === 'v3');
  const seen = { v1: 0, v2: 0, v3: 0, other: 0 };
  let issued = 0;
  const started = performance.now();
  await Promise.all(
    Array.from({ length: CONCURRENCY }, async () => {
      while (issued++ < REQUESTS) {
        const answer = await world.get(REVIEWS);
        seen[answer.status === 200 ? version(answer.body) : 'other']++;
      }
    }),
  );
  const seconds = (performance.now() - started) / 1000;
  const fit = withinThreeSigma(seen.v3, REQUESTS, 0.2);
  report.line(`asked for   v1 80.0 %   v3 20.0 %`);
  report.line(
    `measured    v1 ${((100 * seen.v1) / REQUESTS).toFixed(1)} %   v3 ${((100 * seen.v3) / REQUESTS).toFixed(1)} %   (${REQUESTS} requests, ${Math.round(REQUESTS / seconds)} a second)`,
  );
  report.check(seen.other === 0 && seen.v2 === 0, `every request was answered by v1 or v3 (${seen.other + seen.v2} were not)`);
  report.check(fit.ok, `${seen.v3} of ${REQUESTS} went to v3: within three standard deviations (${fit.low} to ${fit.high})`);
}

async function signIn(world: World, user: string): Promise<string> {
  world.report.command(`curl -s -c jar -d username=${user} ${world.ingressUrl}/login`);
  const answer = await world.get('/login', {
    method: 'POST',
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    body: `username=${user}&passwd=`,
  });
  return ([answer.headers['set-cookie']].flat()[0] ?? '').split(';')[0]!;
}

export async function routeByUser(world: World): Promise<void> {
  const { report } = world;
  report.step('Jason sees version 2');
  await world.kubectl('apply', '-f', sampleFile('bookinfo/reviews-jason-v2.yaml'));
  const cookie = await signIn(world, 'jason');
  const asJason = { headers: { cookie } };
  await world.until('Jason is routed to v2', 10_000, async () => (await world.get('/productpage', asJason)).body.includes('reviews-v2-'));
  let jason = 0;
  let others = 0;
  for (let i = 0; i < 20; i++) {
    if ((await world.get('/productpage', asJason)).body.includes('reviews-v2-')) jason++;
    if ((await world.get('/productpage')).body.includes('reviews-v1-')) others++;
  }
  report.check(jason === 20, `${jason} of 20 pages for Jason came from reviews v2`);
  report.check(others === 20, `${others} of 20 pages for everybody else came from reviews v1`);

  report.step('A 7 s delay, for Jason only');
  await world.temporarily(sampleFile('bookinfo/ratings-delay-7s.yaml'), async () => {
    await new Promise((resolve) => setTimeout(resolve, 300));
    report.command(`curl -s -b jar -w '%{time_total}' ${world.ingressUrl}/productpage`);
    const [slow, quick] = await Promise.all([world.get('/productpage', asJason), world.get('/productpage')]);
    const gaveUp = slow.body.includes('Sorry, product reviews are currently unavailable for this book.');
    report.check(
      gaveUp && slow.seconds > 5.5 && slow.seconds < 7,
      `Jason waits ${slow.seconds.toFixed(1)} s and ${gaveUp ? 'is told' : 'is not told'} "product reviews are currently unavailable": productpage tries twice for 3 s, and the delay is 7 s`,
    );
    report.check(quick.status === 200 && quick.seconds < 2, `everybody else is served in ${Math.round(quick.seconds * 1000)} ms`);
  });
}
