// Package flight records what happens to the brain of the adapter, so that it can be
// told and done again.
//
// A [Recorder] is told of each step: the time, the event and what the brain did. It
// keeps the last of them in a ring of bounded size. [Recorder.File] copies them, to be
// written by [File.Append] and read by [Decode]; [File.Why] tells the story of a block
// or a peer, and [File.Replay] gives a new brain the same events and wants it to do the
// same.
//
//	recorder := flight.New(build, now, cfg) // before node.New(cfg)
//	brain := node.New(cfg)
//	for ev := range events {
//		actions := brain.Step(now, ev)
//		recorder.Stepped(now, ev, actions)
//	}
//
// A recording is exact if it reaches back to the start of the process, which it does
// until the ring is full; it says so itself. After that it tells its story, and long
// lists in it are cut: the brain's state at that point is in no file.
//
// # Trust
//
// Runs in: the adapter, in the goroutine of the brain; the command `blockgate why`,
// which reads files.
//
// Reads: events, whose lists and texts are of strangers; files that anybody may have
// made. None is longer than [MaxFile], and nothing is made room for before it is there.
//
// Hands on: events and actions as they were. Texts of strangers in a story are as the
// brain got them, quoted.
package flight
