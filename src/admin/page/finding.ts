/** Something that whoever is on call should know now. */
export interface Finding {
  /** `problem`: clients suffer from it, or will. `notice`: worth a look. */
  readonly level: 'problem' | 'notice'
  readonly what: string
  readonly detail: string
  /** The part of the page that has more of it. */
  readonly section: string
}
