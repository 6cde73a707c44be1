import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compile } from './index.ts';

/** Each holds; a library a block. */
const HOLD = [
  'int("42") == 42 && int(2.9) == 2 && int(timestamp("1970-01-01T00:01:00Z")) == 60',
  'uint(3) == 3u && double("1.5") == 1.5 && string(true) == "true" && bool("t")',
  'string(b"abc") == "abc" && size(bytes("é")) == 2 && size("é𝔸") == 2',

  '"hello".contains("ell") && "hello".startsWith("he") && "hello".endsWith("lo")',
  '"tacocat".indexOf("ac") == 1 && "tacocat".lastIndexOf("a") == 5 && "tacocat".indexOf("a", 2) == 5 && "a".indexOf("z") == -1',
  '"hello".substring(1, 3) == "el" && "hello".substring(3) == "lo" && "ab".charAt(1) == "b" && "𝔸b".substring(1) == "b"',
  '"a,b,c".split(",") == ["a", "b", "c"] && "a,b,c".split(",", 2) == ["a", "b,c"] && ["a", "b"].join("-") == "a-b" && ["a", "b"].join() == "ab"',
  '"aXbX".replace("X", "-") == "a-b-" && "aXbX".replace("X", "-", 1) == "a-bX" && "ab".replace("", "-") == "-a-b-"',
  '"ÀbC".lowerAscii() == "Àbc" && "àbC".upperAscii() == "àBC" && " a\\n".trim() == "a"',
  'strings.quote("a\\"b") == "\\"a\\\\\\"b\\""',
  '"%s is %d, %.2f %x %b %o %X %e %%".format(["a", 7, 1.5, 255, 5, 8, "a", 1200.0]) == "a is 7, 1.50 ff 101 10 61 1.200000e+03 %"',
  '"%s".format([[1, 2], {"b": true}]) == "[1, 2]" && "%s".format([{"b": [true]}]) == "{b: [true]}"',

  '[1, 2, 3].isSorted() && ![2, 1].isSorted() && [1, 2, 3].sum() == 6 && [1.5, 2.5].sum() == 4.0',
  '["b", "a"].min() == "a" && [3, 9, 1].max() == 9 && [1, 2, 1].indexOf(1) == 0 && [1, 2, 1].lastIndexOf(1) == 2',
  'sets.contains([1, 2, 3], [2, 3]) && sets.equivalent([1, 1, 2], [2, 1]) && sets.intersects([1], [1, 2]) && !sets.intersects([1], [2])',

  '"abc 123".find("[0-9]+") == "123" && "a1b22".findAll("[0-9]+") == ["1", "22"] && "a1b22".findAll("[0-9]+", 1) == ["1"]',
  '"abc".matches("^[a-c]+$") && matches("abc", "b")',

  'duration("1h30m") == duration("90m") && duration("90m").getHours() == 1 && duration("-1.5s").getMilliseconds() == -1500',
  'string(duration("90m")) == "5400s" && string(timestamp("2020-01-01T00:00:00.5Z")) == "2020-01-01T00:00:00.5Z"',
  'timestamp("2020-03-01T10:00:00+02:00").getHours() == 8 && timestamp("2020-03-01T10:00:00Z").getDayOfYear() == 60',
  'timestamp("2020-01-01T00:00:00Z").getHours("America/New_York") == 19 && timestamp("2020-01-01T00:00:00Z").getHours("+05:30") == 5',
  'timestamp("2020-01-01T00:00:00Z") - duration("1h") < timestamp("2020-01-01T00:00:00Z")',

  'isURL("https://a.example/b?c=d") && isURL("/path") && !isURL("a b") && !isURL("../x") && !isURL("example.com")',
  'url("https://a.example:80/b?c=d&c=e").getHost() == "a.example:80" && url("https://[::1]:80/").getHostname() == "::1"',
  'url("https://a.example:80/b?c=d&c=e").getPort() == "80" && url("https://a/b?c=d&c=e").getQuery() == {"c": ["d", "e"]}',

  'isIP("10.0.0.1") && isIP("::1") && !isIP("10.0.0.01") && !isIP("1.2.3") && !isIP("::ffff:1.2.3.4") && !isIP("1::2::3")',
  'ip("127.0.0.1").isLoopback() && ip("::1").isLoopback() && ip("169.254.1.1").isLinkLocalUnicast() && ip("8.8.8.8").isGlobalUnicast()',
  'ip("2001:db8::1").family() == 6 && ip("0.0.0.0").isUnspecified() && ip.isCanonical("2001:db8::1") && !ip.isCanonical("2001:DB8::1")',
  'string(ip("2001:db8:0:0:1:0:0:1")) == "2001:db8::1:0:0:1" && ip("::1") == ip("0:0:0:0:0:0:0:1")',
  'cidr("10.0.0.0/8").containsIP("10.1.2.3") && !cidr("10.0.0.0/8").containsIP(ip("11.0.0.0")) && cidr("10.0.0.0/8").containsCIDR("10.1.0.0/16")',
  '!cidr("10.1.0.0/16").containsCIDR("10.0.0.0/8") && string(cidr("10.1.2.3/12").masked()) == "10.0.0.0/12" && cidr("::/0").prefixLength() == 0',
  'isCIDR("192.168.0.0/24") && !isCIDR("192.168.0.0/33") && cidr("192.168.0.1/24").ip() == ip("192.168.0.1")',

  'quantity("1Gi").isGreaterThan(quantity("1000M")) && quantity("50k") == quantity("50000") && isQuantity("1.5Gi") && !isQuantity("x")',
  'quantity("50k").asInteger() == 50000 && !quantity("50.5").isInteger() && quantity("500m").asApproximateFloat() == 0.5',
  'quantity("-1").sign() == -1 && quantity("1").add(quantity("500m")).compareTo(quantity("1.5")) == 0 && quantity("3").sub(1) == quantity("2")',
  'quantity("9007199254740993").compareTo(quantity("9007199254740992")) == 1 && quantity("1e3") == quantity("1k")',

  '!format.dns1123Label().validate("web").hasValue() && format.dns1123Label().validate("Web").hasValue()',
  'format.named("uuid").value().validate("x").value() == ["does not match the UUID format"] && !format.named("nope").hasValue()',
];

for (const expression of HOLD) test(expression, () => assert.equal(compile(expression, { variables: {} }).evaluate({}), true));

for (const expression of [
  '"a".substring(2)',
  '"abc".substring(2, 1)',
  '[].max() == 1',
  'ip("x")',
  'cidr("x")',
  'quantity("x")',
  'url("a b")',
  '"%d".format(["a"])',
  '"%s".format([])',
  'optional.none().value()',
  'timestamp("2020")',
  'uint(-1)',
  '{"a": 1, "a": 2}',
])
  test(`fails: ${expression}`, () =>
    assert.throws(() => compile(`dyn(${expression})`, { variables: {} }).evaluate({}), /Cel(Compile)?Error/));
