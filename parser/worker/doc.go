// Package worker is the loop of the parser process: read a job, walk the block or the
// transaction, answer.
//
// Call [New] before the lock-down, and [Worker.Serve] after it. That uses two system
// calls, read and write, on the one descriptor that it is given.
//
// # Trust
//
// Runs in: the parser process, inside the wall.
//
// Reads: jobs from the adapter; through the ring, blocks from hostile peers.
//
// Hands on: answers that the adapter takes for an attacker's. Whatever is wrong
// ends the process, which costs one block's answer and nothing else.
package worker
