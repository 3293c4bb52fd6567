// Package ops is what an operator's tools ask of a running service, over HTTP.
//
// Make the [Metrics] with the words that its labels may have, [Listen] while the
// process may still open sockets, hand the server [Metrics.Handler] and whatever
// else answers, and let it [Server.Serve] until the process ends:
//
//	metrics, err := ops.NewMetrics(ops.Config{...})
//	server, err := ops.Listen(ctx, "127.0.0.1:9332")
//	server.Handle("GET /metrics", metrics.Handler())
//	err = server.Serve(ctx)
//
// Every label has a closed set of words, given at the start: what comes from a
// process that was taken over can make no new series. Everything that a client can
// take up has a limit, see limits.go.
//
// # Trust
//
// Runs in: the adapter process.
//
// Reads: requests of whoever reaches the address, by net/http; layers and counts
// from its own process.
//
// Hands on: numbers and the words that it was made with. No request changes
// anything.
package ops
