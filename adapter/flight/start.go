package flight

import (
	"fmt"
	"hash/crc32"
	"slices"
	"time"

	"blockgate/adapter/addrbook"
	"blockgate/adapter/node"
	"blockgate/internal/btc"
)

// Start is what a brain is before its first event.
type Start struct {
	// Build is what was running. Another build may do other things.
	Build string
	// Began is when the recording did.
	Began time.Time
	// Config is what the brain was made with, but for Chain and Book, which are nil.
	// It has the brain's secret.
	Config node.Config
	// Book is the address book as [addrbook.Book.Append] writes it, empty for none;
	// Chance and Systems are its chance and its map of systems.
	Book    []byte
	Chance  uint64
	Systems []byte
	// Loads are the batches of headers that were loaded first.
	Loads []Load
	// Count and Sum are of all loaded headers. Headers are they, unless there are more
	// than a recording holds.
	Count   int
	Sum     uint32
	Headers []btc.Header
}

// Load is a batch of headers that the brain was given before its first event.
type Load struct {
	Now   time.Time
	Count int
}

func newStart(build string, now time.Time, cfg node.Config) Start {
	s := Start{Build: build, Began: now.Round(0).UTC(), Config: cfg}
	if cfg.Book != nil {
		s.Book, s.Chance, s.Systems = cfg.Book.Append(nil), cfg.Book.Chance(), cfg.Book.Systems().Append(nil)
	}
	s.Config.Book, s.Config.Chain = nil, nil
	s.Config.Connect, s.Config.FixedSeeds = slices.Clone(cfg.Connect), slices.Clone(cfg.FixedSeeds)
	return s
}

// loaded notes a batch. It is false if there are too many.
func (s *Start) loaded(now time.Time, headers []btc.Header, table *crc32.Table) bool {
	if len(s.Loads) == maxLoads {
		return false
	}
	s.Loads = append(s.Loads, Load{now.Round(0).UTC(), len(headers)})
	s.Count += len(headers)
	s.Sum = sumOf(s.Sum, headers, table)
	if s.Count > maxInline {
		s.Headers = nil
	} else {
		s.Headers = append(s.Headers, headers...)
	}
	return true
}

func sumOf(sum uint32, headers []btc.Header, table *crc32.Table) uint32 {
	for i := range headers {
		sum = crc32.Update(sum, table, headers[i][:])
	}
	return sum
}

// inline reports whether the recording has all loaded headers.
func (s *Start) inline() bool { return s.Count == len(s.Headers) }

func (c *codec) start(s *Start) {
	text(c, &s.Build)
	c.moment(&s.Began)
	c.config(&s.Config)
	c.blob(&s.Book)
	number(c, &s.Chance)
	c.blob(&s.Systems)
	list(c, &s.Loads, 3, maxLoads, (*codec).load)
	signed(c, &s.Count)
	number(c, &s.Sum)
	c.headers(&s.Headers)
}

func (c *codec) load(l *Load) {
	c.moment(&l.Now)
	signed(c, &l.Count)
}

// blob reads a copy.
func (c *codec) blob(v *[]byte) {
	s := string(*v)
	text(c, &s)
	if c.reading {
		*v = []byte(s)
	}
}

func (c *codec) config(v *node.Config) {
	number(c, &v.Network)
	c.addrs(&v.Connect)
	c.flag(&v.ConnectOnly)
	signed(c, &v.MaxOutbound)
	signed(c, &v.Feelers)
	signed(c, &v.Anchors)
	number(c, &v.Kinds)
	number(c, &v.OnlyPort)
	signed(c, &v.IdleAfter)
	c.addrs(&v.FixedSeeds)
	c.flag(&v.UseSeeds)
	c.work(&v.MinimumChainWork)
	number(c, &v.Start.Kind)
	signed(c, &v.Start.Height)
	c.hash(&v.Start.Hash)
	signed(c, &v.Window)
	signed(c, &v.WindowBytes)
	signed(c, &v.PerPeer)
	signed(c, &v.PerNewPeer)
	signed(c, &v.FinalDepth)
	signed(c, &v.BanTime)
	signed(c, &v.Carriers)
	signed(c, &v.Observers)
	number(c, &v.Seed)
	c.raw(v.Secret[:])
}

// New returns a brain as it was before its first event. more gives the next count
// headers that were loaded, where the recording has not got them; it may be nil if
// it has.
func (s *Start) New(more func(count int) ([]btc.Header, error)) (*node.Node, error) {
	cfg := s.Config
	if !cfg.Network.Valid() {
		return nil, fmt.Errorf("%w: network %d", ErrCorrupt, cfg.Network)
	}
	var err error
	if cfg.Book, err = s.book(); err != nil {
		return nil, err
	}
	n := node.New(cfg)
	return n, s.preload(n, more)
}

// book returns the address book, nil if there was none.
func (s *Start) book() (*addrbook.Book, error) {
	if len(s.Book) == 0 {
		return nil, nil //nolint:nilnil // a brain without a book makes its own
	}
	cfg := addrbook.Config{Network: s.Config.Network, Seed: s.Chance}
	var err error
	if len(s.Systems) > 0 {
		if cfg.Systems, err = addrbook.ParseASMap(s.Systems); err != nil {
			return nil, fmt.Errorf("recorded map of systems: %w", err)
		}
	}
	book, err := addrbook.Decode(s.Book, cfg)
	if err != nil {
		return nil, fmt.Errorf("recorded address book: %w", err)
	}
	return book, nil
}

func (s *Start) preload(n *node.Node, more func(int) ([]btc.Header, error)) error {
	left, sum, table := s.Headers, uint32(0), crc32.MakeTable(crc32.Castagnoli)
	if s.inline() {
		more = func(count int) ([]btc.Header, error) {
			if count < 0 || count > len(left) {
				return nil, fmt.Errorf("%w: %d headers of %d", ErrCorrupt, count, len(left))
			}
			headers := left[:count]
			left = left[count:]
			return headers, nil
		}
	}
	if more == nil {
		return fmt.Errorf("%w: %d", ErrHeaders, s.Count)
	}
	for i, l := range s.Loads {
		headers, err := more(l.Count)
		if err != nil {
			return fmt.Errorf("loaded headers, batch %d: %w", i, err)
		}
		sum = sumOf(sum, headers, table)
		if err := n.Preload(headers, l.Now); err != nil {
			return fmt.Errorf("loaded headers, batch %d: %w", i, err)
		}
	}
	if sum != s.Sum {
		return fmt.Errorf("%w: checksum %08x, want %08x", ErrHeaders, sum, s.Sum)
	}
	return nil
}
