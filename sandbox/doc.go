// Package sandbox is the wall: it takes from a parser process everything that
// it does not need before the first hostile byte arrives.
//
// Whoever starts a parser asks for namespaces with [Isolate]. The parser's main calls
// [Confine] once, writes the line that [Report.AppendText] gives to its status
// descriptor and serves jobs from then on. Whoever started it reads the line with
// [ParseReport], compares [Report.Build] with its own [BuildID], adds by
// [Report.With] what it answers for itself ([Namespaces]), and asks the kernel with
// [Attest] whether it is all true. [Probe] says what this kernel offers without
// starting anything.
//
// # Order
//
// Each step takes away what the steps after it no longer need, so the order is
// part of the policy:
//
//  1. The capability bounding set is emptied while there are few threads. Then the
//     runtime's poller is started (it holds an epoll and an eventfd for ever), the
//     operating system threads are started and parked, one garbage collection
//     starts its workers, and all threads are seen asleep: later there is no clone,
//     and no thread that has yet to set up its signal stack.
//  2. The descriptors are counted through /proc/self/fd: anything but what the
//     caller allows, one epoll and one eventfd is a leak from the parent. It
//     comes before the root, which has no /proc.
//  3. In mounts of its own, the root becomes an empty folder: no path of the host is
//     left. It comes before the capabilities, which it needs, and before Landlock,
//     which forbids mounts.
//  4. All capabilities go, on all threads.
//  5. The process becomes undumpable: no core file, no ptrace and no
//     /proc/PID/mem by others of the same user.
//  6. Landlock without a single rule. Its return value is not believed: what
//     worked before must be refused after. Since an empty root refuses too, the
//     folder that it is tried on is held by a handle, and let go right after.
//  7. Resource limits, soft and hard. Landlock's rule set and the probes of its
//     effect need descriptors, so the limit of none comes after them.
//  8. The seccomp filter, on all threads at once. It is last because it takes
//     away every call that was used above.
//
// A required layer that does not hold is a [*MissingError]; the process must
// then end with [ExitMissingLayer] and never see a job. Required are descriptors,
// dumpable, landlock, rlimits and seccomp; the other layers are wanted: the parser
// runs without, and says so. docs/sandbox.md has the table.
//
// # Roles
//
// A process that needs sockets and files calls [ConfineRole] with what it keeps, a
// [Role]; whoever starts the others calls [ConfineSupervisor]. docs/roles.md has
// that table.
//
// # Trust
//
// Runs in: the parser, before the first hostile byte ([Confine]); adapter and
// broker, before the first byte from outside ([ConfineRole]); the
// supervisor and the command line ([Isolate], [ParseReport], [Attest], [Probe]).
//
// Reads: the kernel's answers, /proc, and in [ParseReport] the one line that a
// confined process wrote, as if an attacker had written it.
//
// Hands on: a [Report] of printable ASCII within fixed limits. It is the word
// of the worker; only [Attest] and [Namespaces] are the word of the kernel.
package sandbox
