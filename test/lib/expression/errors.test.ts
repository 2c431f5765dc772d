// The texts and positions of expr-lang 1.17.8, which were tried, but where a comment says otherwise.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { compiled, problemOf, valueOf } from './support.ts'

function refuses(rows: Readonly<Record<string, string>>): void {
  for (const [text, problem] of Object.entries(rows)) {
    assert.equal(problemOf(text), `E_EXPRESSION: ${problem}`, text)
  }
}

describe('an expression is refused', () => {
  test('for its grammar', () => {
    refuses({
      '': 'unexpected token EOF (1:1)',
      '1 +': 'unexpected token EOF (1:3)',
      'foo bar': 'unexpected token Identifier("bar") (1:5)',
      '(1': 'unexpected token EOF (1:2)',
      '1\n  2': 'unexpected token Number("2") (2:3)',
      '@': "unrecognized character: U+0040 '@' (1:1)",
      '#': 'unexpected token Operator("#") (1:1)',
      '1a': 'bad number syntax: "1a" (1:2)',
      '0x': 'invalid hex literal: "0x" (1:1)',
      '1e': 'invalid float literal: "1e" (1:1)',
      '1e999': 'float literal is too large (1:1)',
      '"a': 'literal not terminated (1:3)',
      '`a': 'literal not terminated (1:3)',
      '"a\nb"': 'literal not terminated (1:3)',
      [String.raw`"\q"`]: 'invalid char escape (1:2)',
      [String.raw`"\u{110000}"`]: 'invalid char escape (1:2)',
      '/* a': 'unclosed comment (1:5)',
      '1 not 2': 'unexpected token Number("2") (1:7)',
      '1 ?? 2 + 3':
        'Operator (+) and coalesce expressions (??) cannot be mixed. Wrap either by parentheses. (1:8)',
      'map([1], #; 2)': 'wrap predicate with brackets { and } (1:11)',
      'filter([1])': 'expected at least 2 arguments (1:11)',
      '{[1]: 2}':
        'a map key must be a quoted string, a number, a identifier, or an expression enclosed in ' +
        'parentheses (unexpected token Bracket("[")) (1:2)',
      '[1,,2]': 'unexpected token Operator(",") (1:4)',
      'a.1': 'unexpected token Number(".1") (1:2)',
      'name().(': 'expected name (1:8)',
    })
  })

  test('for its types', () => {
    refuses({
      'name() == 1': 'invalid operation: == (mismatched types string and int) (1:8)',
      'nil + 1': 'invalid operation: + (mismatched types unknown and int) (1:5)',
      '1 and true': 'invalid operation: and (mismatched types int and bool) (1:3)',
      '1 < "a"': 'invalid operation: < (mismatched types int and string) (1:3)',
      '1 in "a"': 'invalid operation: in (mismatched types int and string) (1:3)',
      '"a" in [1]': 'cannot use string as type int in array (1:5)',
      '1 in {a: 1}': 'cannot use int as type string in map key (1:3)',
      '!1': 'invalid operation: ! (mismatched type int) (1:1)',
      '-name()': 'invalid operation: - (mismatched type string) (1:1)',
      '1 ? 2 : 3': 'non-bool expression (type int) used as condition (1:1)',
      '(nil).a': 'type nil has no field a (1:7)',
      '1.5.a': 'unexpected token Operator(".") (1:4)',
      'name().a': 'type string has no field a (1:8)',
      'name()[0]': 'type string[int] is undefined (1:7)',
      '[1]["a"]': 'array elements can only be selected using an integer (got string) (1:5)',
      '{a: 1}[1]': 'cannot use int to get an element from map[string]interface {} (1:8)',
      'size()[:]': 'cannot slice int (1:7)',
      '[1][:"a"]': 'non-integer slice index string (1:6)',
      'len(1)': 'invalid argument for len (type int) (1:1)',
      'len()': 'invalid number of arguments (expected 1, got 0) (1:1)',
      'lower(1)': 'cannot use int as argument (type string) to call lower (1:7)',
      'lower(nil)': 'cannot use nil as argument (type string) to call lower (1:7)',
      'filter([1], 1)': 'predicate should return boolean (got int) (1:13)',
      'map([1], nil)': 'predicate should has one input and one output param (1:10)',
      'all(1, true)': 'builtin all takes only array (got int) (1:5)',
      'sortBy([1], #, 1)': 'sortBy order argument must be a string (got int) (1:16)',
      'max()': 'not enough arguments to call max (1:1)',
      'max("a")': 'invalid argument for max (type string) (1:1)',
      'concat()': 'invalid number of arguments (expected at least 1, got 0) (1:1)',
      'concat(1)': 'cannot concat int (1:1)',
      'take([1])': 'invalid number of arguments (expected 2, got 1) (1:1)',
      'take(1, 1)': 'cannot take from int (1:1)',
      'take([1], "a")': 'cannot take string elements (1:1)',
      'keys(1)': 'cannot get keys from int (1:1)',
    })
  })

  test('for its names', () => {
    refuses({
      foo: 'unknown name foo (1:1)',
      'foo()': 'unknown name foo (1:1)',
      '$env.foo': 'unknown name foo (1:6)',
      __proto__: 'unknown name __proto__ (1:1)',
      'constructor()': 'unknown name constructor (1:1)',
      'type(1)': 'too many arguments to call type (1:1)',
      'fails()': 'not enough arguments to call fails (1:1)',
      'fails(1)': 'cannot use int as argument (type string) to call fails (1:7)',
      'name + 1': 'invalid operation: + (mismatched types func() string and int) (1:6)',
      'map([1], #foo)': 'unknown pointer #foo (1:10)',
      'let name = 1; 2': 'cannot redeclare name (1:5)',
      'let len = 1; 2': 'cannot redeclare builtin len (1:5)',
      'let x = 1; let x = 2; x': 'cannot redeclare variable x (1:16)',
      'let x = 1; x()': 'int is not callable (1:12)',
    })
  })

  test('for a constant pattern that is none', () => {
    refuses({ 'name() matches "("': 'error parsing regexp: missing closing ): `(` (1:8)' })
  })

  // expr-lang has all of these.
  test('for what is left out', () => {
    refuses({
      'now()': 'now() is not supported: there are no dates and durations (1:1)',
      'b"a"': 'bytes literals are not supported (1:1)',
      '9007199254740993': 'integer literal is too large (1:1)',
    })
  })
})

describe('an evaluation fails', () => {
  test('with the reason and the place', () => {
    for (const [text, problem] of Object.entries({
      '[1, 2][5]': 'index out of range: 5 (array length is 2) (1:7)',
      '{a: 1}.b.c': 'cannot fetch c from <nil> (1:10)',
      'name() + given': 'invalid operation: string + <nil> (1:8)',
      'given < 1': 'invalid operation: <nil> < int (1:7)',
      'given ? 1 : 2': 'interface conversion: interface {} is <nil>, not bool (1:1)',
      'given contains "a"': 'invalid operation: <nil> contains string (1:7)',
      'given matches "a"': 'invalid operation: <nil> matches string (1:7)',
      '"a" matches given': 'invalid operation: string matches <nil> (1:5)',
      '"a" matches name() + "("':
        'error parsing regexp: missing closing ): `www.example.com.(` (1:5)',
      'given..1': 'invalid operation: <nil> .. int (1:6)',
      '1 in given..1': 'invalid operation: <nil> .. int (1:3)',
      '-given': 'invalid operation: - <nil> (1:1)',
      'given()': 'invalid operation: cannot call nil (1:1)',
      'given / 1': 'invalid operation: <nil> / int (1:7)',
      'given[:]': 'cannot slice <nil> (1:6)',
      '[1][given ?? "a"]': 'invalid operation: int(string) (1:4)',
      '1 % given': 'invalid operation: int % <nil> (1:3)',
      '1 % 0': 'integer divide by zero (1:3)',
      'fails("x")': 'no use for x (1:1)',
      'any(given, true)': 'builtin any takes only array (got <nil>) (1:1)',
      'reduce([], #)': 'reduce of empty array with no initial value (1:1)',
      'groupBy([1], [#])':
        'cannot use []interface {} as a key for groupBy: type is not comparable (1:1)',
      'sort([1, "a"])': 'invalid operation: string < int (1:1)',
      'sort([1], "x")': 'invalid order x, expected asc or desc (1:1)',
      'int("0x10")': 'invalid operation: int(0x10) (1:1)',
      'int(given)': 'invalid operation: int(<nil>) (1:1)',
      'float("a")': 'invalid operation: float(a) (1:1)',
      'float(given)': 'invalid operation: float(<nil>) (1:1)',
      'abs(given)': 'invalid argument for abs (type <nil>) (1:1)',
      'bitshl(1, -1)': 'invalid operation: negative shift count -1 (type int) (1:1)',
      'bitand(given, 1)': 'cannot use <nil> as argument (type int) to call bitand (1:1)',
      'join([1])': 'interface conversion: interface {} is int, not string (1:1)',
      'join(given)': 'invalid argument for join (type <nil>) (1:1)',
      'split("a", "b", given)': 'invalid operation: int(<nil>) (1:1)',
      'repeat("a", -1)': 'invalid argument for repeat (expected positive integer, got -1) (1:1)',
      'first(given)': 'cannot get first element from <nil> (1:1)',
      'keys(given)': 'cannot get keys from <nil> (1:1)',
      'len(given)': 'invalid argument for len (type <nil>) (1:1)',
      'get([1], given)': 'invalid operation: int(<nil>) (1:1)',
      'take([1], given)': 'cannot take <nil> elements (1:1)',
      'take([1], -1)': 'slice index out of bounds (1:1)',
      'fromPairs([1])': 'invalid pair 1 (1:1)',
      'fromPairs([[1]])': 'invalid pair length [1] (1:1)',
      'fromBase64("!")': 'illegal base64 data at input byte 0 (1:1)',
      'fromBase64("a")': 'illegal base64 data at input byte 1 (1:1)',
      'toJSON(name)': 'json: unsupported type: func (1:1)',
      'toJSON(1 / 0)': 'json: unsupported value (1:1)',
      'fromJSON(given)': 'interface conversion: interface {} is <nil>, not string (1:1)',
    })) {
      assert.equal(problemOf(text), `E_EVALUATION: ${problem}`, text)
    }
    assert.equal(problemOf('1 in given', 1), 'E_EVALUATION: operator "in" not defined on int (1:3)')
    assert.equal(
      problemOf('given()', 1),
      'E_EVALUATION: invalid operation: cannot call non-function of type int (1:1)',
    )
    assert.match(problemOf('fromJSON("x")'), /^E_EVALUATION: .* JSON \(1:1\)$/)
  })

  test('and leaves the next one alone', () => {
    const expression = compiled('let x = given; [1, 2][x]')
    assert.throws(() => expression.evaluate({ given: 5 }), { code: 'E_EVALUATION' })
    assert.equal(expression.evaluate({ given: 1 }), 2)
  })
})

describe('an expression is bounded', () => {
  test('in its nodes and its depth', () => {
    const many = `[${'1,'.repeat(10_000)}]`
    assert.match(problemOf(many), /compilation failed: expression exceeds maximum allowed nodes/)
    for (const deep of ['(', '[', '-', 'not ', '1 ** ', 'true ? 1 : ', 'len(', '{a: ']) {
      assert.match(
        problemOf(deep.repeat(9_000)),
        /nested too deeply|unexpected token EOF|maximum/,
        deep,
      )
    }
  })

  test('in its time and memory, whatever it loops over', () => {
    for (const text of [
      '1..10000000',
      'all(1..1000, all(1..1000, true))',
      'len(map(1..400, repeat("a", 400))) > 0 and len(repeat("a", 100001)) > 0',
      'reduce(1..60, #acc + #acc, "aaaa")',
      'reduce(1..60, concat(#acc, #acc), [1])',
      'reduce(1..60, replace(#acc, "a", "aa"), "a")',
      'reduce(1..60, toJSON(#acc), "\\"")',
      'uniq(1..1000)',
      'any(1..10000, "a" matches "(a|b)*c" + string(#))',
    ]) {
      assert.match(problemOf(text), /^E_EVALUATION: memory budget exceeded \(1:\d+\)$/, text)
    }
  })

  test('in what a stranger can make of it: names of any length and kind', () => {
    const nasty = compiled('given matches "^(a+)+$" or any(split(given, "."), len(#) > 63)')
    for (let i = 0; i < 1000; i++) {
      assert.equal(nasty.evaluate({ given: `${'a'.repeat(250)}!` }), true)
    }
    assert.equal(valueOf('given in ["__proto__"]', '__proto__'), true)
    assert.equal(valueOf('{a: 1}[given]', '__proto__'), null)
    assert.equal(valueOf('$env[given]', 'constructor'), null)
  })

  test('in integers, which are exact or fail', () => {
    assert.match(problemOf('9007199254740991 + 1'), /integer out of range/)
    assert.match(problemOf('bitushr(-5, 2)'), /integer out of range/)
    assert.match(problemOf('int("99999999999999999999")'), /integer out of range/)
  })
})
