// Package bus holds the words of the journal: what blockgate says on NATS and
// how it is written.
//
// The journal of one adapter is one JetStream stream ([StreamName]). A block
// lies in it as parts (raw bytes, then the claim of 8 bytes a transaction) on
// the subject that [DataSubject] names, followed by one [Event] on the subject
// that [BlockSubject] names. Only events count: a reader that folds them with
// [Fold] holds the writer's chain, and any event that does not link is
// [ErrGap].
//
//	header, payload, err := ev.Encode()                        // writer
//	ev, err := bus.DecodeEvent(subject, header, payload, seq)  // reader
//
// A reader keeps a [Cursor] with its own state and goes on from there. The
// connection itself is in bus/jetstream.
//
// # Trust
//
// Runs in: the adapter, `blockgate tail` and every program that links the
// subscriber library.
//
// Reads: subjects, headers and payloads from the bus, written by anybody who
// holds a publisher key. Each decoder is strict and bounded by limits.go.
//
// Hands on: values that are well formed. That an event is true (work, order,
// body) is for the reader of bus/jetstream to prove.
package bus
