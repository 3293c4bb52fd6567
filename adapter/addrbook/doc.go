// Package addrbook remembers where nodes are, so that an attacker who tells it of
// many addresses cannot decide whom it dials.
//
// A [Book] is Bitcoin Core's address manager. What gossip, a DNS seed or a fixed seed
// names goes to the table of the new; what was reached goes to the table of the tried.
// Where an address may stand is fixed by a secret and by its network group and its
// source's, so a group or a source reaches its share of the buckets, whatever it sends:
//
//	             gossip, seeds                              a peer was reached
//	                   │ Add                                       │ Good
//	                   ▼                                           ▼
//	new    1024 buckets of 64 slots                tried   256 buckets of 64 slots
//	       a source group reaches 64 buckets,              an address group reaches
//	       an address stands in up to 8       ───────▶     8 buckets; a taken slot
//	                   │                                   is given up only after
//	                   │                                   its owner was tested
//	                   └─────────── Pick, half and half ───────────┘
//
// Use it so:
//
//	book := addrbook.New(addrbook.Config{Network: btc.Mainnet, Secret: secret, Seed: seed})
//	book.Add(heard, book.PeerSource(from), &quota, now)
//	if c, ok := book.Pick(addrbook.Wanted{Kinds: addrbook.IPs, InUse: groups}, now); ok {
//		book.Attempt(c.Addr, true, now) // then dial; on success book.Good
//	}
//	file = book.Append(file[:0]) // saved by the shell; read by Decode
//
// Every [FeelerInterval] a feeler dials what [Book.Feeler] says and hangs up;
// [Book.ResolveCollisions] runs with it. With nobody tried yet, [Book.SeedSlots] slots
// dial what [Book.PickSeed] takes from [FixedSeeds], whatever DNS said.
//
// A book takes at most 17.6 MiB, when both tables are full; see [MaxEntries]. The time comes in
// as an argument, chance from [Config.Seed]: the same calls give the same book.
//
// # Trust
//
// Runs in: the adapter process, in one goroutine.
//
// Reads: addresses that strangers claim, already cut out of addr and addrv2 messages
// or of DNS answers; the file that it wrote; a map of autonomous systems that the
// operator names. The latter two are checked as if a stranger had written them.
//
// Hands on: addresses to dial. None from a stranger names this host or a private
// network. Nothing says that a node is there, or honest.
package addrbook
