/** Formats of texts that the schemas of custom kinds may ask for; others are not checked. */
import { parseDuration } from '../../base/index.ts';

const isIPv4 = (text: string): boolean => /^(?:(?:0|[1-9]\d?|1\d\d|2[0-4]\d|25[0-5])(?:\.(?!$)|$)){4}$/.test(text);
const isIPv6 = (text: string): boolean => text.includes(':') && /^[0-9a-fA-F:.]+$/.test(text) && URL.canParse(`http://[${text}]/`);
const UUID = /^[0-9a-f]{8}-?[0-9a-f]{4}-?([0-9a-f])[0-9a-f]{3}-?[0-9a-f]{4}-?[0-9a-f]{12}$/i;
const DATE_TIME = /^\d{4}-\d{2}-\d{2}[Tt ]\d{2}:\d{2}:\d{2}(\.\d+)?([Zz]|[+-]\d{2}:?\d{2})$/;
const isDate = (text: string): boolean => /^\d{4}-\d{2}-\d{2}$/.test(text) && !Number.isNaN(Date.parse(text));
const uuidOf = (version: string | undefined) => (text: string) => {
  const m = UUID.exec(text);
  return m !== null && (version === undefined || m[1] === version);
};

const FORMATS: Readonly<Record<string, (text: string) => boolean>> = {
  'date-time': (text) => DATE_TIME.test(text) && !Number.isNaN(Date.parse(text.replace(' ', 'T'))),
  date: isDate,
  duration: (text) =>
    parseDuration(text) !== undefined || /^\d+\s*(nanos?|micros?|millis?|seconds?|minutes?|hours?|days?|weeks?|[hdw])$/.test(text),
  byte: (text) => /^(?:[A-Za-z0-9+/\s]*={0,2})\s*$/.test(text) && text.replace(/\s/g, '').length % 4 === 0,
  uri: (text) => /^(?:[a-zA-Z][a-zA-Z0-9+.-]*:|\/)\S*$/.test(text),
  email: (text) => text.length < 320 && /^[^\s@<>]+@[^\s@<>]+$/.test(text),
  hostname: (text) => text.length < 256 && /^(?!-)[a-zA-Z0-9-]{1,63}(?<!-)(\.(?!-)[a-zA-Z0-9-]{1,63}(?<!-))*\.?$/.test(text),
  ipv4: isIPv4,
  ipv6: isIPv6,
  cidr: (text) => {
    const [address = '', prefix = ''] = text.split('/');
    return (isIPv4(address) || isIPv6(address)) && /^\d{1,3}$/.test(prefix) && Number(prefix) <= (isIPv4(address) ? 32 : 128);
  },
  mac: (text) => /^(?:[0-9a-fA-F]{2}[:-]){5}[0-9a-fA-F]{2}$/.test(text),
  uuid: uuidOf(undefined),
  uuid3: uuidOf('3'),
  uuid4: uuidOf('4'),
  uuid5: uuidOf('5'),
};

/** True when a text has a format, or when nobody knows the format. */
export const hasFormat = (format: string, text: string): boolean => !Object.hasOwn(FORMATS, format) || FORMATS[format]!(text);
