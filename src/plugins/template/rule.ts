import type { Query } from '../../serve/query.ts'
import { zoneTable, ZoneTable } from '../../serve/zone-table.ts'
import { Class, Type } from '../../wire/codes.ts'
import type { TemplateConfig } from './config.ts'
import type { RuleZone } from './data.ts'
import { Matches } from './metrics.ts'
import type { NamedPattern } from './pattern.ts'

/** A template as queries meet it. */
export class Rule {
  readonly config: TemplateConfig
  /** Its first pattern matches whatever the name is. */
  readonly takesAllNames: boolean
  readonly #zones = new ZoneTable<RuleZone>()
  readonly #fallthrough: ZoneTable<true>

  /** @param view the name of its block */
  constructor(config: TemplateConfig, view: string) {
    this.config = config
    for (const [index, name] of config.zones.entries()) {
      this.#zones.add(name, { name, index, matches: new Matches(name, view) })
    }
    this.takesAllNames = config.patterns[0]!.pattern === null
    this.#fallthrough = zoneTable(config.fallthrough ?? [])
  }

  /** The longest zone that the name is in; undefined where class, type or zones are others. */
  zoneOf({ question, wire }: Query): RuleZone | undefined {
    const { class: klass, type } = this.config
    const isClass = klass === Class.ANY || question.class === Class.ANY || question.class === klass
    const isType = type === Type.ANY || question.type === Type.ANY || question.type === type
    return isClass && isType ? this.#zones.find(wire, question, false) : undefined
  }

  /** The first pattern that matches the name, null where none does. */
  matchOf(name: string): NamedPattern | null {
    const { patterns } = this.config
    for (const named of patterns) {
      if (named.pattern === null || named.pattern.test(name)) return named
    }
    return null
  }

  /** Whether a name that no pattern matches goes on to what follows. */
  passes({ question, wire }: Query): boolean {
    return this.#fallthrough.find(wire, question) === true
  }

  /** The class that metrics and records name: the question's, or the template's where that is ANY. */
  classOf({ question }: Query): number {
    return question.class === Class.ANY ? this.config.class : question.class
  }

  typeOf({ question }: Query): number {
    return question.type === Type.ANY ? this.config.type : question.type
  }
}
