package store

import (
	"blockgate/headerchain"
	"blockgate/internal/btc"
)

const (
	// MaxBatch is how many records are written between two syncs, and how many
	// headers [Store.Load] hands on at once: one headers message, 176 kB.
	MaxBatch = btc.MaxHeaders

	// MaxWaiting is how many headers wait in memory while the disk takes none: 84
	// MB, the whole of mainnet until 2028 or 20 years of its new blocks.
	MaxWaiting = 1 << 20

	// MaxRecords is how many records a file holds, 738 MB: as many as a chain.
	// The best chain never comes near it; see headerchain.
	MaxRecords = headerchain.MaxChainHeaders

	// keptBuffer is up to how many headers the memory for those that wait is kept
	// when none do.
	keptBuffer = MaxBatch
)
