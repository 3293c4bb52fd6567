package addrbook

// entry is what is known of an address. Times are Unix seconds, 0 for never.
type entry struct {
	addr     Addr
	source   Group  // Of who named it first.
	services uint64 // As claimed, of all who named it.
	seen     uint32 // When a node was there, by hearsay or our own connection.
	tried    uint32 // When it was last dialled.
	reached  uint32 // When it was last reached.
	counted  uint32 // When a failure was last counted.
	next     uint32 // The next free entry, plus 1; only while this is free.
	failures uint8  // In a row since it was last reached; 255 stands for more.
	// refs is how many slots of the new table it has; they are in places.
	// Invariant: refs == 0 if isTried, else 1 <= refs <= MaxReferences.
	refs    uint8
	isTried bool
	places  [MaxReferences]place
}

// terrible reports whether the entry is not worth its slot.
//
// Source: AddrInfo::IsTerrible, Bitcoin Core v30.0 src/addrman.cpp.
func (e *entry) terrible(now uint32) bool {
	switch n := int64(now); {
	case e.tried != 0 && n-int64(e.tried) <= justTried:
		return false
	case int64(e.seen) > n+maxAhead:
		return true
	case n-int64(e.seen) > horizon:
		return true
	case e.reached == 0 && e.failures >= retries:
		return true
	default:
		return n-int64(e.reached) > minFail && e.failures >= maxFailures
	}
}

// certain is a chance of 1.
const certain = 1 << 30

// chances are the chances after so many failures: each leaves 0.66.
//
// Source: AddrInfo::GetChance, Bitcoin Core v30.0 src/addrman.cpp.
var chances = [maxChanceFailures + 1]uint64{ //nolint:gochecknoglobals // a table, never written
	certain, 708669604, 467721938, 308696479, 203739676, 134468186, 88749003, 58574342, 38659065,
}

// chance returns how likely the entry is taken when it comes up, of [certain].
// It counts in integers, so that every machine draws alike.
//
// Source: AddrInfo::GetChance, Bitcoin Core v30.0 src/addrman.cpp.
func (e *entry) chance(now uint32) uint64 {
	c := chances[min(e.failures, maxChanceFailures)]
	if int64(now)-int64(e.tried) < recentTry {
		c /= 100
	}
	return c
}

// drop frees the place in the list of the entry's places.
func (e *entry) drop(p place) {
	for i := range e.refs {
		if e.places[i] == p {
			e.refs--
			e.places[i] = e.places[e.refs]
			return
		}
	}
	panic("addrbook: an entry has not the slot that holds it")
}
