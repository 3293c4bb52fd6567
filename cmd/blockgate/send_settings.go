package main

import (
	"fmt"
	"time"

	"github.com/spf13/pflag"

	"blockgate/adapter"
	"blockgate/adapter/node"
)

// minTxExpiry is the shortest --tx-expiry: observers may take 15 s to be there, and a peer
// is given a minute to ask.
const minTxExpiry = 5 * time.Minute

// sendSettings say how transactions go out.
type sendSettings struct {
	Carriers  int           `json:"carriers"`
	Observers int           `json:"observers"`
	Expiry    time.Duration `json:"expiry"`
}

func (s *sendSettings) addFlags(flags *pflag.FlagSet) {
	flags.IntVar(&s.Carriers, "carriers", node.DefaultCarriers, fmt.Sprintf("peers to tell of a transaction in a round, 1..%d", node.MaxCarriers))
	flags.IntVar(&s.Observers, "observers", node.DefaultObservers, fmt.Sprintf("peers to hear from that a transaction of ours has spread, 1..%d", node.MaxObservers))
	flags.DurationVar(&s.Expiry, "tx-expiry", adapter.DefaultTxLifetime, fmt.Sprintf("how long a transaction goes out that nobody has seen, %s..%s", minTxExpiry, adapter.MaxTxLifetime))
}

// check wants numbers that the brain takes as they are.
func (s *sendSettings) check() error {
	switch {
	case s.Carriers < 1 || s.Carriers > node.MaxCarriers:
		return usagef("--carriers %d: want 1..%d", s.Carriers, node.MaxCarriers)
	case s.Observers < 1 || s.Observers > node.MaxObservers:
		return usagef("--observers %d: want 1..%d", s.Observers, node.MaxObservers)
	case s.Expiry < minTxExpiry || s.Expiry > adapter.MaxTxLifetime:
		return usagef("--tx-expiry %s: want %s..%s", s.Expiry, minTxExpiry, adapter.MaxTxLifetime)
	}
	return nil
}
