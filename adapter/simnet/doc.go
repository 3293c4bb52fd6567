// Package simnet is a seeded network in memory: the real brain among simulated peers,
// most of them hostile, on a clock of its own.
//
// [Play] runs one seed to its end, in one goroutine and without a clock, a socket or
// chance other than the seed's, so that a seed always gives the same run, byte by byte:
//
//	library := simnet.NewLibrary()
//	report := simnet.Play(library, seed, nil)
//	for _, wrong := range report.Wrong { ... }
//
//	peers: honest, or any mix of 34 traits   ──frames──▶ link.Gate, deadlines, budget
//	                                                        │ events     ▲ actions
//	journal: slow, fails, moves, forgets  ◀──Store, Append──┤ node.Step  │
//	parsers: truth about bytes, faults    ──BodyJudged─────▶└────────────┘
//
// What is real: the brain with its header chain, headers with their proof of work, the
// bytes of blocks, the policy of the link for each frame. What is a model: sockets and
// lines (latency, bandwidth, order), parsers (they compare bytes with the truth) and
// the journal (it checks what it is told). After each step an audit holds the brain to
// its promises; at the end it must have published the honest chain within a stated
// time. docs/simulation.md says what is checked and what it has found.
//
// # Trust
//
// Runs in: tests, in one goroutine for each run; never in the service itself.
//
// Reads: a seed, and what the brain says.
//
// Hands on: a report of what went wrong, and the transcript of a run for people.
package simnet
