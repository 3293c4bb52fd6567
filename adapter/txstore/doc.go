// Package txstore keeps the transactions that are to be sent, from one run to the
// next, in a folder of bounded size.
//
// [Open] a [Store], [Store.Add] what was checked, [Store.Note] and [Store.Mined] what
// became of it, and [Store.Remove] it in the end. What these have returned from without
// an error is on the disk: a process that is killed, or a machine that loses power,
// finds it again.
//
// Each transaction is a file of its own, named for its txid, that is written anew beside
// the old one and renamed: it is there whole or not at all. Numbers are little-endian:
//
//	 0  16  "blockgate tx", and the version, 4 bytes
//	16  32  txid
//	48  32  wtxid, the double SHA-256 of the bytes
//	80   8  when it was submitted, Unix seconds
//	88   8  when it expires, Unix seconds
//	96   1  how far it got, see [Progress]
//	97   1  in how many proven blocks it was seen, 0 to 4
//	98 128  their hashes, zeros behind the last one
//	226  4  n, the length of the transaction
//	230  n  the transaction
//	 ..  32  SHA-256 of all that
//
// What is no such file is said, set aside as .damaged and left out.
//
// # Trust
//
// Runs in: the adapter process.
//
// Reads: its own folder. It takes the files for hostile all the same: none is read
// beyond [MaxFile] bytes, only regular files are, and the bytes of a transaction are
// hashed and never walked.
//
// Hands on: records, and the bytes of transactions exactly as they were submitted. That
// a txid belongs to them was proven when they were added; the wtxid is proven again each
// time they are read.
package txstore
