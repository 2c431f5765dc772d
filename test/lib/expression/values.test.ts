// What expr-lang 1.17.8 gives for the same expressions, which was tried.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { toText } from '../../../src/lib/expression/value.ts'
import { valueOf } from './support.ts'

/** Each line: an expression, ` => `, its value as Go's %v writes it. */
const suites: Readonly<Record<string, string>> = {
  literals: String.raw`
    42 => 42
    0x1F + 0b11 + 0o17 + 1_000 => 1049
    .5 => 0.5
    1e3 => 1000
    1e6 => 1e+06
    1234567.5 => 1.2345675e+06
    0.00001 => 1e-05
    1 / 0 => +Inf
    -1 / 0 => -Inf
    -0.0 => -0
    "\x41\u0042\u{43}\103\U00000044\n" => ABCCD${'\n'}
    'it\'s' => it's
    ${'`a\\n``b`'} => a\n${'`'}b
    nil => <nil>
    [1, "a", 2.5, ] => [1 a 2.5]
    {a: 1, "b": 2, ("c" + "d"): 3, 4: 5,} => map[4:5 a:1 b:2 cd:3]
    {} => map[]
    /* a */ 1 // b => 1
  `,
  operators: `
    1 + 2 * 3 => 7
    (1 + 2) * 3 => 9
    7 / 2 => 3.5
    -7 % 3 => -1
    2 ** 3 ** 2 => 512
    2 ^ 3 => 8
    -2 ** 2 => -4
    +3 - -1 => 4
    1.5 - 1 => 0.5
    "a" + "b" => ab
    1 == 1.0 => true
    [1, [2]] == [1.0, [2]] => true
    {a: 1} == {a: 1} => true
    {a: 1} != {b: 1} => true
    nil == 1 => false
    1 < 2 < 3 => true
    1 < 3 <= 2 => false
    "a" < "b" => true
    2 >= 2 and 2 > 1 => true
    not true or true => true
    !false && true => true
    false || do() => true
    false and given => false
    1 in [1, 2] => true
    3 not in [1, 2] => true
    2.0 in 1..3 => true
    given in 1..3 => false
    "a" in {a: 1} => true
    1..3 => [1 2 3]
    3..1 => []
    "abc" contains "b" => true
    "abc" startsWith "ab" => true
    "abc" endsWith "bc" => true
    "abc" not contains "b" => false
    name() matches "^www[.]" => true
    "a.c" matches "a" + ".c" => true
    true ? 1 : 2 => 1
    false ? 1 : true ? 2 : 3 => 2
    do() ?: false => true
    if size() > 100 { "l" } else if size() > 10 { "m" } else { "s" } => m
    nil ?? 3 => 3
    1; 2; => 2
    let x = 2; let y = x * 3; x + y => 8
  `,
  'members, slices and pipes': `
    [1, 2, 3][0] => 1
    [1, 2, 3][-1] => 3
    [1, 2, 3][1:] => [2 3]
    [1, 2, 3][:-1] => [1 2]
    [1, 2, 3][2:1] => []
    "héllo"[3:] => llo
    {a: {b: 1}}.a.b => 1
    {a: 1}["a"] => 1
    {a: 1}.b => <nil>
    {a: 1}?.b?.c => <nil>
    given?.a.b => <nil>
    given?.a() => <nil>
    given?.[0] => <nil>
    {"in": 1}.in => 1
    "A" | lower() | len() => 1
    name() | split(".") | first() => www
    [1, 2, 3] | filter(# > 1) | map(# * 2) => [4 6]
    ::len("abc") => 3
    $env.name() => www.example.com.
    "name" in $env => true
    $env?.absent => <nil>
  `,
  predicates: `
    all(1..3, {# > 0}) => true
    any(split(name(), "."), # == "www") => true
    none([1, 2], # > 2) => true
    one([1, 2], # > 1) => true
    filter([{a: 1}, {a: 2}], .a > 1) => [map[a:2]]
    map(1..3, {let x = #; x * #index}) => [0 2 6]
    count([1, 2, 3], # > 1) => 2
    count([true, false, true]) => 2
    sum([1, 2.5]) => 3.5
    sum([1, 2], # * 2) => 6
    sum([]) => 0
    find([1, 2, 3], # > 1) => 2
    find([1], # > 1) => <nil>
    findIndex([1, 2], # > 1) => 1
    findIndex([1], # > 1) => <nil>
    findLast([1, 2, 3], # < 3) => 2
    findLastIndex([1, 2], # > 0) => 1
    groupBy([1, 2, 3], # % 2) => map[0:[2] 1:[1 3]]
    sortBy([3, 1, 2], -#) => [3 2 1]
    sortBy(["b", "a"], #, "desc") => [b a]
    reduce([1, 2, 3], #acc + #) => 6
    reduce([1, 2], #acc + #index, 10) => 11
    any([[1, 2]], {any(#, # == 2)}) => true
  `,
  'functions of strings': `
    upper("aé") => AÉ
    lower("AÉ") => aé
    trim("  a ") => a
    trim("xxaxx", "x") => a
    trim("xx", "x") =>${' '}
    trimPrefix("HelloWorld", "Hello") => World
    trimPrefix(" a") => a
    trimSuffix("HelloWorld", "World") => Hello
    trimSuffix("a", "b") => a
    split("a.b.c", ".") => [a b c]
    split("a.b.c", ".", 2) => [a b.c]
    split("abc", "") => [a b c]
    split("abc", "", 0) => []
    split("", "") => []
    splitAfter("a.b.c", ".") => [a. b. c]
    splitAfter("a.b.c", ".", 2) => [a. b.c]
    replace("aaa", "a", "b") => bbb
    replace("aaa", "a", "b", 2) => bba
    replace("abc", "", "-") => -a-b-c-
    replace("abc", "", "-", 1) => -abc
    replace("abc", "x", "-") => abc
    repeat("ab", 3) => ababab
    join(["a", "b"], "-") => a-b
    join(["a", "b"]) => ab
    indexOf("hé!", "!") => 3
    indexOf("a", "b") => -1
    lastIndexOf("aba", "a") => 2
    hasPrefix("abc", "ab") => true
    hasSuffix("abc", "ab") => false
    string([1, {a: 2.5}, nil, true]) => [1 map[a:2.5] <nil> true]
    toBase64("hé") => aMOp
    fromBase64("aMOp") => hé
    toJSON({b: [], a: "<"}) contains "  \\"a\\": \\"\\\\u003c\\"" => true
    toJSON([2.5, nil]) | split("\\n") | join() => [  2.5,  null]
    fromJSON('{"a":[1,true,{"b":null}]}').a[0] == 1.0 => true
    fromJSON('{"a":[1,true,{"b":null}]}').a[2] => map[b:<nil>]
    len("hé") => 2
  `,
  'functions of numbers': `
    abs(-2) => 2
    abs(-2.5) => 2.5
    ceil(1.2) => 2
    floor(-1.2) => -2
    round(2.5) => 3
    round(-2.5) => -3
    int(-2.7) => -2
    int("-12") => -12
    float("1e3") => 1000
    float(2) => 2
    max(1, 2.5, [0]) => 2.5
    min([3, 1.5]) => 1.5
    mean([1, 2]) => 1.5
    mean([]) => 0
    median([3, 1, 2]) => 2
    median([1, 2, 3, 4]) => 2.5
    median([]) => 0
    bitand(0b1010, 0b1100) => 8
    bitor(0b1010, 0b1100) => 14
    bitxor(0b1010, 0b1100) => 6
    bitnand(0b1010, 0b1100) => 2
    bitnot(0b1010) => -11
    bitshl(45, 2) => 180
    bitshl(1, 70) => 0
    bitshr(45, 2) => 11
    bitushr(45, 2) => 11
  `,
  'functions of lists and maps': `
    len([1, 2]) => 2
    len({a: 1}) => 1
    first([]) => <nil>
    last([1, 2]) => 2
    take([1, 2, 3], 2) => [1 2]
    get([1, 2], -1) => 2
    get([1, 2], 5) => <nil>
    get({a: 1}, "a") => 1
    get(given, 1) => <nil>
    keys({a: 1}) => [a]
    values({a: 1}) => [1]
    toPairs({a: 1}) => [[a 1]]
    fromPairs([["a", 1]]) => map[a:1]
    reverse([1, 2]) => [2 1]
    uniq([1, 1.0, 2]) => [1 2]
    concat([1], [2, 3]) => [1 2 3]
    flatten([1, [2, [3]]]) => [1 2 3]
    sort([3, 1, 2]) => [1 2 3]
    sort(["a", "b"], "desc") => [b a]
    map([nil, true, 1, 1.5, "a", [], {}, $env.name], ::type(#)) => [nil bool int float string array map func]
  `,
}

describe('the value of an expression', () => {
  for (const [title, lines] of Object.entries(suites)) {
    test(title, () => {
      const rows = lines.split(/\n {4}(?! )(?=\S)/).slice(1)
      assert.ok(rows.length > 10)
      for (const row of rows) {
        const [, text = '', expected = ''] = /^(.*) =>\s(.*?)(?:\n {2})?$/s.exec(row) ?? []
        assert.equal(toText(valueOf(text)), expected.replace(/\n {2}$/, ''), text)
      }
    })
  }

  test('is what the environment holds at the time', () => {
    assert.equal(valueOf('given + 1', 1), 2)
    assert.equal(valueOf('given + "b"', 'a'), 'ab')
    assert.deepEqual(valueOf('given.list[1:]', new Map([['list', [1, 2]]])), [2])
    assert.equal(
      valueOf('given(1, "a")', (...args) => args.length),
      2,
    )
  })
})
