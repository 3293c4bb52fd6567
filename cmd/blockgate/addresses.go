package main

import (
	cryptorand "crypto/rand"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"

	"github.com/spf13/pflag"

	"blockgate/adapter"
	"blockgate/adapter/addrbook"
	"blockgate/adapter/node"
)

// bookFileName is the file of addresses in the adapter's folder.
const bookFileName = "addresses"

// slotSettings say how many peers are found, and how.
type slotSettings struct {
	MaxOutbound int    `json:"max_outbound"`
	Feelers     int    `json:"feelers"`
	ASMap       string `json:"asmap,omitempty"` // absolute path
}

func (s *slotSettings) addFlags(flags *pflag.FlagSet) {
	flags.IntVar(&s.MaxOutbound, "max-outbound", node.DefaultOutbound, fmt.Sprintf("peers to hold beside those of --connect, 1..%d, each of another network group", node.MaxOutboundLimit))
	flags.IntVar(&s.Feelers, "feelers", node.DefaultFeelers, fmt.Sprintf("short connections at a time that find out who is there, 0..%d", node.MaxFeelers))
	flags.StringVar(&s.ASMap, "asmap", "", "file that maps addresses to autonomous systems, in Bitcoin Core's format: then a network group is such a system (read once, at the start)")
}

// complete checks the numbers and that the map is one.
func (s *slotSettings) complete() (err error) {
	if s.MaxOutbound < 1 || s.MaxOutbound > node.MaxOutboundLimit {
		return usagef("--max-outbound %d: want 1..%d", s.MaxOutbound, node.MaxOutboundLimit)
	}
	if s.Feelers < 0 || s.Feelers > node.MaxFeelers {
		return usagef("--feelers %d: want 0..%d", s.Feelers, node.MaxFeelers)
	}
	if s.ASMap == "" {
		return nil
	}
	if s.ASMap, err = filepath.Abs(s.ASMap); err != nil {
		return err
	}
	_, err = readSystems(s.ASMap)
	return err
}

// readSystems reads a map of autonomous systems; nil without one.
func readSystems(path string) (*addrbook.ASMap, error) {
	if path == "" {
		return nil, nil //nolint:nilnil // A nil map is one: it knows no system.
	}
	file, err := os.Open(path) //nolint:gosec // the operator names it
	if err != nil {
		return nil, usagef("--asmap: %w", err)
	}
	defer file.Close() //nolint:errcheck // read only
	text, err := io.ReadAll(io.LimitReader(file, addrbook.MaxASMapSize+1))
	if err != nil {
		return nil, usagef("--asmap %s: %w", path, err)
	}
	systems, err := addrbook.ParseASMap(text)
	if err != nil {
		return nil, usagef("--asmap %s: %w", path, err)
	}
	return systems, nil
}

// setSlots tells the brain whom it may dial.
func (c *adapterConfig) setSlots(brain *node.Config) {
	brain.MaxOutbound, brain.Feelers = c.Slots.MaxOutbound, c.Slots.Feelers
	if brain.Feelers == 0 {
		brain.Feelers = -1
	}
	brain.Kinds = c.Reach.dialer().Reachable()
	if !c.AnyPort && !c.Reach.Proxy.IsValid() { // others are closed to the adapter
		brain.OnlyPort = c.Network.Params().Port
	}
}

// brain returns the brain's settings with its address book, and where that is kept.
func (c *adapterConfig) brain(headers int, log *slog.Logger) (node.Config, *adapter.BookFile, error) {
	config := c.node(headers)
	book, err := c.openBook(&config, log)
	return config, book, err
}

// openBook reads the address book and the fixed seeds, and gives both to the brain. It
// needs files that are closed to the adapter later.
func (c *adapterConfig) openBook(brain *node.Config, log *slog.Logger) (*adapter.BookFile, error) {
	systems, err := readSystems(c.Slots.ASMap)
	if err != nil {
		return nil, err
	}
	config := addrbook.Config{Network: c.Network, Seed: rand.Uint64(), Systems: systems}
	_, _ = cryptorand.Read(config.Secret[:]) // it never errs
	book, file, err := adapter.OpenBook(filepath.Join(c.Folder, bookFileName), config, log)
	if err != nil {
		return nil, &exitError{exitData, err}
	}
	brain.Book = book
	if len(c.Connect) == 0 && len(c.Challenge) == 0 { // a signet of your own has none
		if brain.FixedSeeds, err = addrbook.FixedSeeds(c.Network); err != nil {
			return nil, err
		}
	}
	stats := book.Stats()
	log.Info("address book open", slog.Int("addresses", stats.Entries), slog.Int("tried", stats.Tried), slog.Int("anchors", len(book.Anchors())),
		slog.Int("fixed_seeds", len(brain.FixedSeeds)), slog.Bool("asmap", systems != nil))
	return file, nil
}
