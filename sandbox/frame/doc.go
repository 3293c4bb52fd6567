// Package frame gives the messages that cross the wall their form: jobs and
// answers between adapter and parsers, control records between supervisor and
// adapter.
//
// A parser reads a [Job] with [DecodeJob], and answers with one [Answer] and the
// chunks of its claim, made by [AppendChunk]. The adapter starts an [Assembly]
// with [Begin] and gives it what the parser sends, one message a time. All
// messages have a type byte, a fixed or a bounded size, and stand alone in one
// SOCK_SEQPACKET message.
//
// # Trust
//
// Runs in: supervisor, adapter and parser.
//
// Reads: in the adapter, messages of a parser that may have been taken over; in
// the parser and the supervisor, messages of the adapter.
//
// Hands on: claim.Block, which nobody may believe before claim.Check; jobs,
// whose numbers are in range, and whose slot [Job.Cut] checks.
package frame
