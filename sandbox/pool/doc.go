// Package pool hands blocks to the parsers, collects what they say and has it
// proven.
//
// Make a [Pool] with [New]. Whoever reads the supervisor's control records calls
// [Pool.Ready] and [Pool.Died]; whoever has received a block calls [Pool.Check],
// which waits for a free worker and returns a proven block or the reason why there
// is none. A worker that did anything but lead to a proven block is killed, and
// used again only when the supervisor says that a new process is ready.
//
// # Trust
//
// Runs in: the adapter.
//
// Reads: messages of parsers that may have been taken over. What one sends can
// neither make this process fail, nor grow its memory beyond one claim, nor hold
// it up beyond the deadline.
//
// Hands on: claim.Checked.
package pool
