/**
 * What keeps the page fresh while its tab is visible: the same page again, of which the parts that have
 * changed take the place of the old ones. A part with selected text in it waits; tables that were
 * opened stay open.
 */
export const script = `'use strict'
{
  const PERIOD_MS = 5000
  const LIMIT_MS = 10000
  const find = (id) => document.getElementById(id)
  const button = find('pause')
  const lost = find('lost')
  /** The parts by id, as they came. */
  const parts = new Map()
  for (const part of document.querySelectorAll('[data-part]')) parts.set(part.id, part.outerHTML)
  let isPaused = false
  let isBusy = false
  let timer = 0
  let headline = document.title

  const replace = (part) => {
    const old = find(part.id)
    const html = part.outerHTML
    const selection = getSelection()
    if (old === null || parts.get(part.id) === html) return
    if (!selection.isCollapsed && selection.containsNode(old, true)) return
    const opened = [...old.querySelectorAll('details')].map((one) => one.open)
    part.querySelectorAll('details').forEach((one, i) => (one.open = opened[i] ?? false))
    const focused = [...old.querySelectorAll('a, summary')].indexOf(document.activeElement)
    parts.set(part.id, html)
    old.replaceWith(document.adoptNode(part))
    if (focused >= 0) part.querySelectorAll('a, summary')[focused]?.focus({ preventScroll: true })
  }

  const show = (html) => {
    const next = new DOMParser().parseFromString(html, 'text/html')
    // Another version has taken over: its parts need its style.
    if (next.documentElement.dataset.revision !== document.documentElement.dataset.revision) {
      return location.reload()
    }
    for (const part of next.querySelectorAll('[data-part]')) replace(part)
    const icon = next.querySelector('link[rel=icon]').getAttribute('href')
    document.querySelector('link[rel=icon]').setAttribute('href', icon)
    document.title = next.title
    if (headline !== next.title) find('spoken').textContent = headline = next.title
    lost.hidden = true
  }

  const refresh = async () => {
    clearTimeout(timer)
    if (isBusy || isPaused || document.visibilityState !== 'visible') return
    isBusy = true
    try {
      const signal = AbortSignal.timeout(LIMIT_MS)
      const response = await fetch(location.pathname, { cache: 'no-store', signal })
      if (!response.ok) throw new Error(response.statusText)
      show(await response.text())
    } catch {
      lost.hidden = false
    }
    isBusy = false
    timer = setTimeout(refresh, PERIOD_MS)
  }

  button.hidden = false
  button.addEventListener('click', () => {
    isPaused = !isPaused
    button.textContent = isPaused ? 'Resume updates' : 'Pause updates'
    void refresh()
  })
  document.addEventListener('visibilitychange', refresh)
  timer = setTimeout(refresh, PERIOD_MS)
}
`
