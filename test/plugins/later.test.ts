import assert from 'node:assert/strict'
import { test } from 'node:test'
import { any } from '../../src/plugins/any/index.ts'
import { loadPlugins, pluginOf } from '../../src/plugins/index.ts'
import { later, LatePlugin } from '../../src/plugins/later.ts'
import { gauge } from '../../src/lib/metrics.ts'
import { addMetrics, registeredMetrics, registerMetrics } from '../../src/telemetry/metrics.ts'
import { parseText } from '../corefile/support.ts'
import { testBlock } from '../helpers/services.ts'

test('a plugin that is not loaded is a name', () => {
  const plugin = later('toy', () => Promise.resolve({}))
  assert.deepEqual([plugin.name, plugin.isLoaded], ['toy', false])
  assert.deepEqual([plugin.heapBytes, plugin.classes], [0, undefined])
  assert.deepEqual(plugin.metrics, [])
  assert.throws(() => plugin.changesAnswers, /Cannot use plugin "toy": not loaded/)
  assert.throws(() => plugin.setup([], testBlock()), /not loaded/)
})

test('loaded it is what its module says', async () => {
  const stage = {}
  const toy = { ...any, name: 'toy', classes: 'all', heapBytes: 5, setup: () => stage } as const
  const plugin = later('toy', () => Promise.resolve({ toy }))
  await plugin.load()
  assert.equal(plugin.isLoaded, true)
  assert.deepEqual(
    [plugin.changesAnswers, plugin.heapBytes, plugin.classes, plugin.metrics],
    [any.changesAnswers, 5, 'all', []],
  )
  assert.equal(plugin.setup([], testBlock()), stage)
})

test('what is always counted is there before it is loaded, and once after', async () => {
  const [always, own] = [gauge('always', '', () => 1), gauge('own', '', () => 1)]
  const toy = { ...any, name: 'toy', metrics: [own] }
  const plugin = later('toy', () => Promise.resolve({ toy }), [always])
  registerMetrics(plugin.metrics)
  await plugin.load()
  addMetrics(plugin.metrics)
  assert.deepEqual(registeredMetrics(), [always, own])
})

test('when hosts were read is told without them, too, as CoreDNS does', () => {
  const names = pluginOf('hosts')?.metrics?.map(({ name }) => name)
  assert.deepEqual(names, ['coredns_hosts_reload_timestamp_seconds'])
})

test('a module without the plugin is an error', async () => {
  const plugin = later('toy', () => Promise.resolve({ any }))
  await assert.rejects(plugin.load(), /Cannot load plugin "toy": not exported/)
  assert.equal(plugin.isLoaded, false)
})

test('blocks bring the plugins that they have, once', async () => {
  const plugin = pluginOf('any')
  assert.ok(plugin instanceof LatePlugin && !plugin.isLoaded)
  const without = parseText('. {\n errors\n}', { known: ['errors'] })
  assert.deepEqual(await loadPlugins(without), [])
  const blocks = parseText('. {\n any\n}', { known: ['any'] })
  assert.deepEqual(await loadPlugins(blocks), [plugin])
  assert.deepEqual(await loadPlugins(blocks), [])
  assert.equal(pluginOf('nosuch'), undefined)
})

test('every plugin of the list loads under its own name', async () => {
  const { plugins } = await import('../../src/plugins/index.ts')
  for (const plugin of plugins) if (plugin instanceof LatePlugin) await plugin.load()
  assert.ok(plugins.every((plugin) => !(plugin instanceof LatePlugin) || plugin.isLoaded))
})
