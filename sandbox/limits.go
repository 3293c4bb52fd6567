package sandbox

import "time"

// MaxStatusBytes is the most bytes that a status line has, its newline not
// counted.
//
// Source: the text of a READY record in package frame holds 2 KiB. A full line
// has 28 bytes of frame, [MaxBuildBytes] and [MaxLayers] times (16 of name, 66
// of detail and 21 of the rest): 28 + 160 + 18*103 = 2042.
const MaxStatusBytes = 2 << 10

// MaxLayers is the most layers that a status line may name.
//
// Source: 9 that a parser tells, 8 that whoever starts it tells, one to spare.
const MaxLayers = 18

// MaxBuildBytes is the most bytes of a build identity.
//
// Source: a pseudo-version has 50 bytes, a revision 40, a Go version 20.
const MaxBuildBytes = 160

// maxNameBytes is the most bytes of a layer's name. Source: our own names.
const maxNameBytes = 16

// maxDetailBytes is the most bytes of a layer's detail in a status line. What
// is longer is cut. Source: [MaxStatusBytes].
const maxDetailBytes = 66

// heapRoomBytes is how much of the heap is mapped, not touched, at lock-down.
//
// Source: a parser holds 2 MB; the program of the soak with garbage holds 24.
const heapRoomBytes = 32 << 20

// heapBudgetBytes is what a parser may map, and may hold as data, beyond what
// it has at lock-down.
//
// Source: with [heapRoomBytes] the soaks pass with 8 MiB here, also under a collector
// that never rests, and with 0 most times. What the runtime has mapped by then, one or
// two arenas of 64 MiB and 12 MiB of tables, stays as it is and bounds the heap, since
// the next arena does not fit. A body that fills what there is costs 20 to 50 ms of a
// processor; with 512 MiB it was 200.
const heapBudgetBytes = 32 << 20

// parkedThreads is how many threads are started before clone is taken away.
//
// Source: with GOMAXPROCS 2 a soak under garbage collection used 8 of them; 10
// leaves room. The runtime parks idle threads and never ends them.
const parkedThreads = 10

// maxProgram is the most instructions of a filter. Source: BPF_MAXINSNS,
// Linux include/uapi/linux/bpf_common.h.
const maxProgram = 4096

// maxCensus is the most descriptors that the census lists before it gives up.
// Source: a worker holds six; a leak of more is named by the first ones.
const maxCensus = 64

// maxThreads is the most threads that [Attest] looks at. Source: a parser has
// about 14; the runtime's own limit is 10,000.
const maxThreads = 1024

// attestTries is how often [AttestRole] looks at a process of which a thread ends
// meanwhile. Source: a Go program rarely ends a thread.
const attestTries = 5

// maxProcStatus is the most bytes that are read of /proc/PID/status. Source: it has
// some 1,500.
const maxProcStatus = 16 << 10

// maxCapabilities is how many capabilities there can be. Source: the two words of
// struct __user_cap_data_struct, Linux include/uapi/linux/capability.h.
const maxCapabilities = 64

// settlePause is how long the lock-down waits between two looks at the threads,
// settleRounds how many looks in a row must find them asleep, and settleLimit how
// long it tries.
//
// Source: a new thread needs some 50 microseconds to set itself up on an idle
// machine, and some milliseconds where four processes wait for each processor.
const (
	settlePause  = 100 * time.Microsecond
	settleRounds = 2
	settleLimit  = 2 * time.Second
)

// probeFile is the name of the file that [ConfineRole] makes and removes in a
// role's folder, to see whether it still may. One that is left behind is empty and
// goes at the next start.
const probeFile = ".confined"

// maxPortTries is how often [ConfineRole] asks for a port that a role does not
// name. Source: a role names at most some hundred of 28,000.
const maxPortTries = 100
