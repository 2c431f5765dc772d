-- dnsdist as a caching forwarder in front of nsd over TCP, tuned for one core.
setSecurityPollSuffix('')
setACL('127.0.0.0/8')
setLocal('127.0.0.1:{$BENCH_PORT}', { reusePort = true, maxInFlight = 1000, tcpListenQueueSize = 1024 })
setUDPMultipleMessagesVectorSize(64)
setUDPSocketBufferSizes(4 * 1024 * 1024, 4 * 1024 * 1024)
setMaxTCPClientThreads(1)
setMaxTCPQueriesPerConnection(0)
setMaxTCPConnectionDuration(0)
setTCPInternalPipeBufferSize(1024 * 1024)
-- tcpOnly: clients' UDP queries go to nsd over TCP too, pipelined up to maxInFlight.
newServer({ address = '127.0.0.1:{$BENCH_UPSTREAM_PORT}', tcpOnly = true, maxInFlight = 1000,
  checkName = 'ready.bench.test.', mustResolve = true, checkInterval = 60, tcpFastOpen = false })
newServer({ address = '127.0.0.1:{$BENCH_IN_ORDER_PORT}', pool = 'in-order', tcpOnly = true, maxInFlight = 1000,
  checkName = 'ready.in-order.bench.test.', mustResolve = true, checkInterval = 60, tcpFastOpen = false })
addAction({ 'in-order.bench.test.' }, PoolAction('in-order'))
local cache = newPacketCache(19968, { maxTTL = 3600, maxNegativeTTL = 3600 })
getPool(''):setCache(cache)
getPool('in-order'):setCache(cache)
