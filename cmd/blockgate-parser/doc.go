// Command blockgate-parser is the process inside the wall: it locks itself up
// and then turns raw blocks into claims for as long as it lives.
//
// The supervisor of blockgate starts it, with an empty environment and these
// descriptors: 1 takes the status line, 2 the last words, 3 is the job socket,
// 4 the ring. It ends with 0 when the job socket is closed, 2 for a wrong
// argument, 3 for a failure of its own, 4 for a missing sandbox layer. With
// --own-namespaces it makes its root an empty one, if it sees that it may.
//
// What is not linked into it cannot be called by whoever takes it over: no
// network, no way to start a process, no bus.
//
// The go:debug lines below keep the runtime from opening cgroup files at start,
// which the census would take for a leak, and from asking for the number of
// processors later, which the filter kills.
//
// # Trust
//
// Runs in: the parser process, one of many.
//
// Reads: the ring and the job socket, by packages ring and worker.
//
// Hands on: claims, which nobody believes before package claim checked them.
//
//go:debug containermaxprocs=0
//go:debug updatemaxprocs=0
package main
