// Package broker runs the bundled NATS server with JetStream on a file store.
//
// [Run] serves until its context ends. It knows nothing of Bitcoin: who may say
// what comes in as [Config.Users] and [Config.Anonymous], and the stream is made
// by [Config.Setup] over a connection whose key is made for that one use and
// then forgotten. The example of [Run] shows how the pieces join.
//
// The server listens on loopback only, has no monitoring port, takes no signals
// and logs to slog. Its folder begins with a FORMAT file, which is also the lock:
// nats-server itself would let two servers write to one store.
//
// # Trust
//
// Runs in: the broker process, or the process of a test.
//
// Reads: the NATS protocol from local programs, by nats-server; the store folder
// that it wrote itself.
//
// Hands on: messages of a user on the subjects that its rights name. It does not
// look at what they say: readers of bus/jetstream do.
package broker
