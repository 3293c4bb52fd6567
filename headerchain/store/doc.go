// Package store keeps block headers in one append-only file, so that a service
// that starts again need not ask peers for what it had.
//
// [Open] takes the file's lock and checks whose it is, [Store.Load] hands all
// headers to the caller, who checks them by the rules as if a peer had sent them,
// and [Store.Keep] adds new ones, parents before children, forks included:
//
//	s, err := store.Open(path, btc.Mainnet)
//	...
//	loaded, err := s.Load(func(headers []btc.Header) error { return chain.Take(headers) })
//	...
//	err = s.Keep(headers) // nil: on the disk; else in memory, and tried again
//
// [OpenRead] opens it for Load alone, and changes nothing.
//
// The file is a line and records of one size:
//
//	0                                                               64
//	+----------------------------------------------------------------+
//	| "blockgate-headers 1 mainnet", spaces, line feed               |
//	+----------------------------------------------+-------+---------+
//	| header 0                                     | since | CRC-32C | 64
//	+----------------------------------------------+-------+---------+
//	| header 1                                     | since | CRC-32C | 152
//	+----------------------------------------------+-------+---------+
//	0                                              80      84        88
//
// since is the number of records that were on the disk for certain when this one
// was written. The checksum covers the line, the header, since and the record's
// number: a record of another file or place does not check. Numbers are
// little-endian.
//
// What a crash may leave is told from damage by since. Records are written in
// batches of at most [MaxBatch], and a batch is begun only after the one before
// was synced. So a record that does not check is a torn tail if it lies among the
// last [MaxBatch] and no record behind it says that it was on the disk: then the
// file is cut there. All else is [ErrDamaged].
//
// # Trust
//
// Runs in: the adapter process.
//
// Reads: a file that only this user writes; it is read as if a stranger had.
//
// Hands on: headers that were written here, by their checksums. Whether they obey
// the rules is for the caller to check again.
package store
