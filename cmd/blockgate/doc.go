// Command blockgate is the sidecar: its command line and the wiring of its
// processes.
//
// `blockgate run` is the supervisor. It starts this same binary again with the
// hidden command `role` for the adapter and the broker, and blockgate-parser for
// each cell. A role reads its settings, keys included, from an inherited
// descriptor and from nowhere else.
//
// # Trust
//
// Runs in: the supervisor, the adapter, the broker and each command of a person.
//
// Reads: flags, variables, its own files, the control records of its own
// processes. In the adapter role it joins the parts that read peers; it decodes
// nothing of theirs itself.
//
// Hands on: settings to the roles, raw bodies from peers to the cell, and what
// claim.Check proved to the bus.
package main
