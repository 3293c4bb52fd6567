package node

// Kind is what a connection is for.
type Kind uint8

// The kinds of connections.
const (
	// Manual is to a peer that the operator named.
	Manual Kind = iota + 1
	// BlockRelay is for headers and blocks, with nothing said of transactions or
	// addresses.
	BlockRelay
	// Feeler finds out whether somebody is there, and ends with the handshake.
	Feeler
	// Anchor is BlockRelay to a peer of the last run.
	Anchor
	// Extra is BlockRelay beyond the slots, while the tip looks stale.
	Extra
	// Observer listens for one of our transactions to come back.
	Observer
	// Carrier brings one of our transactions to a peer.
	Carrier
)

// kindNames are for people.
var kindNames = [...]string{ //nolint:gochecknoglobals // a table
	Manual: "manual", BlockRelay: "block-relay", Feeler: "feeler", Anchor: "anchor", Extra: "extra", Observer: "observer", Carrier: "carrier",
}

// Valid reports whether k is one of the kinds.
func (k Kind) Valid() bool { return k >= Manual && int(k) < len(kindNames) }

// String returns a word for the kind, for people.
func (k Kind) String() string {
	if !k.Valid() {
		return "no kind"
	}
	return kindNames[k]
}
