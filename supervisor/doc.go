// Package supervisor is the process at the top: it starts broker, adapter and
// parsers, hands each its descriptors, and replaces what dies.
//
// Call [Run] in a process of its own, as blockgate run does; it returns when the
// context is done and every process is gone, or with an [*ExitError] when a
// restart could not help.
//
// # The tree
//
// Every process but the supervisor dies with the thread that started it
// (PR_SET_PDEATHSIG), so one thread, locked for ever, starts them all: a
// supervisor that is killed leaves nothing behind.
//
// A ring and the job sockets live as long as one adapter. When it dies, the
// parsers are killed, ring and sockets are dropped, and a new adapter gets new
// ones. A parser that dies is replaced in its place, with the same socket: what
// the adapter had sent to the dead one is read out and dropped first, so that a
// block that kills a parser does not meet the next one too. Each parser has the
// next generation of its place: what the adapter says of one that died meanwhile
// does not meet its successor.
//
// What is counted (deaths, restarts), and what is known of how supervisor and
// broker are confined, outlives an adapter: each one is told all of it when it is
// ready, and every change. It shows them as metrics.
//
// An adapter is ready when it says SEALED, a broker when it says READY. What ends
// with a code that a restart cannot mend (2 usage, 4 sandbox, 5 files, 6 bus)
// before any of its kind was ever ready ends the service with that code; an
// adapter's 5 and 6 do so at any time, its 4 until it was ready itself; a
// parser's 2 does when it came three times in a row, since a crash looks alike. Whatever
// else dies is started again, after a pause that doubles while it dies young.
//
// A parser that was ready is replaced at once, whoever ended it: it may have died of a
// body, and whose body that was is the adapter's to judge, which has a lane for it. All
// places together take such starts from one bucket, 64 at once and 20 a second, so
// that nobody makes the supervisor do nothing else. A parser that was never ready is
// replaced after a pause that doubles, since no body can be at fault.
//
// # The cell
//
// A parser is started in namespaces of its own and, where the memory controller is
// delegated to the service, in a cgroup of its own. What the kernel refuses is
// remembered, told once, and not tried again; the parser runs without. The
// supervisor must not be under Landlock, and is dumpable while it starts a parser:
// the kernel lets nobody else fill in a child's table of user ids.
//
// # Trust
//
// Runs in: the supervisor process, which has no socket to the outside, and whose
// only writable files are pipes and sockets to its children.
//
// Reads: from the adapter and the broker, fixed-size control records; from a
// parser, one status line, and the first line of its standard error, which goes
// quoted and cut into the log. Anything malformed costs its sender its life.
//
// Hands on: to the adapter, that parsers are ready or dead, after the kernel
// confirmed the confinement of the ready ones.
package supervisor
