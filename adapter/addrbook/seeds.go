package addrbook

import (
	"bytes"
	"compress/gzip"
	"embed"
	"fmt"
	"io"
	"strconv"
	"strings"

	"blockgate/internal/btc"
)

// seedLists are Bitcoin Core's fixed seeds, contrib/seeds/nodes_*.txt of the master
// branch before v31 (version 30.99, December 2025), without comments and blank lines.
// Licence: MIT.
//
//go:embed seeds/*.txt.gz
var seedLists embed.FS

// FixedSeeds returns the fixed seeds of a network: addresses of nodes that were there
// when the list was made. Regtest has none. Those of [btc.Signet] are of the public
// one. The slice is the caller's.
func FixedSeeds(network btc.Network) ([]Addr, error) {
	packed, err := seedLists.ReadFile("seeds/" + network.String() + ".txt.gz")
	if err != nil {
		return nil, nil //nolint:nilerr // A network without a list has no seeds.
	}
	unpacked, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		return nil, fmt.Errorf("fixed seeds of %v: %w", network, err)
	}
	text, err := io.ReadAll(io.LimitReader(unpacked, maxSeedText+1))
	if err != nil {
		return nil, fmt.Errorf("fixed seeds of %v: %w", network, err)
	}
	seeds, err := ParseSeeds(string(text))
	if err != nil {
		return nil, fmt.Errorf("fixed seeds of %v: %w", network, err)
	}
	return seeds, nil
}

// ParseSeeds reads a list of addresses in the form of Bitcoin Core's contrib/seeds: one
// a line, "#" begins a comment. It returns an error with the line's number for one that
// is none, or that strangers may not name, and for more than [MaxSeeds] or 256 KiB.
func ParseSeeds(text string) ([]Addr, error) {
	if len(text) > maxSeedText {
		return nil, fmt.Errorf("list has more than %d bytes", maxSeedText)
	}
	var seeds []Addr
	number := 0
	for line := range strings.Lines(text) {
		number++
		line, _, _ = strings.Cut(line, "#")
		if line = strings.TrimSpace(line); line == "" {
			continue
		}
		a, err := ParseAddr(line)
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", number, err)
		}
		if !a.Routable() {
			return nil, fmt.Errorf("line %d: %v is not publicly routable", number, a)
		}
		if len(seeds) == MaxSeeds {
			return nil, fmt.Errorf("line %d: more than %d seeds", number, MaxSeeds)
		}
		seeds = append(seeds, a)
	}
	return seeds, nil
}

// Services of nodes (BIP-0014, BIP-0144, BIP-0324).
const (
	NodeNetwork uint64 = 1 << 0
	NodeWitness uint64 = 1 << 3
	NodeP2PV2   uint64 = 1 << 11
)

// SeedName returns the name to ask a DNS seed for nodes that have the services: "x9."
// before its name for whole blocks with witnesses, "x809." for those that speak
// BIP-0324, too. A seed that knows no services, or not these, answers nothing: then
// ask "x9." and at last its plain name.
//
// Source: ThreadDNSAddressSeed, Bitcoin Core v30.0 src/net.cpp.
func SeedName(seed string, services uint64) string {
	if services == 0 {
		return seed
	}
	return "x" + strconv.FormatUint(services, 16) + "." + seed
}

// SeedNames returns, for each DNS seed of a network, the names to ask in this order
// until one answers.
func SeedNames(network btc.Network) [][]string {
	var names [][]string
	for _, seed := range network.Params().DNSSeeds {
		names = append(names, []string{
			SeedName(seed, NodeNetwork|NodeWitness|NodeP2PV2), SeedName(seed, NodeNetwork|NodeWitness), seed,
		})
	}
	return names
}
