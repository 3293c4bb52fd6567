package node_test

import (
	"fmt"
	"runtime"
	"slices"
	"testing"
	"time"

	"blockgate/adapter/addrbook"
	"blockgate/adapter/node"
	"blockgate/internal/btc"
)

// line mines count headers on a header.
func line(on btc.Header, count int, salt uint32) []btc.Header {
	headers := make([]btc.Header, count)
	for i := range headers {
		on = mineOn(on, salt)
		headers[i] = on
	}
	return headers
}

// talker answers getheaders with its chain.
type talker struct {
	at    addrbook.Addr
	id    node.PeerID
	chain []btc.Header
	index map[btc.Hash]int // of chain, by the hash of the header before
	wait  time.Duration
	// endless begins anew where the chain ends, so that it gives headers for ever.
	endless bool
	sent    int
	due     time.Time // of the next answer
	ask     []btc.Hash
}

func newTalker(i int, chain []btc.Header, wait time.Duration, endless bool) *talker {
	p := &talker{
		at: ipv4(11, byte(i), 0, 1, 18444), chain: chain, wait: wait,
		endless: endless, index: map[btc.Hash]int{},
	}
	for i := range chain {
		p.index[chain[i].Prev()] = i
	}
	p.index[chain[len(chain)-1].Hash()] = len(chain)
	return p
}

func (p *talker) answer() []btc.Header {
	at := 0
	for _, hash := range p.ask {
		if i, ok := p.index[hash]; ok {
			at = i
			break
		}
	}
	if p.endless && at+btc.MaxHeaders > len(p.chain) {
		at = 0
	}
	headers := p.chain[at:min(len(p.chain), at+btc.MaxHeaders)]
	p.sent += len(headers)
	return headers
}

// flood is a node among talkers. Bodies are asked for in vain.
type flood struct {
	node    *node.Node
	now     time.Time
	talkers []*talker
	ended   []string // why connections ended
	kept    int
	fetches int
}

func newFlood(cfg node.Config, talkers ...*talker) *flood {
	f := &flood{now: start, talkers: talkers}
	for _, p := range talkers {
		cfg.Connect = append(cfg.Connect, p.at)
	}
	f.node = node.New(cfg)
	f.step(node.Tick{})
	return f
}

func (f *flood) byID(id node.PeerID) *talker {
	i := slices.IndexFunc(f.talkers, func(p *talker) bool { return p.id == id })
	if i < 0 {
		return nil
	}
	return f.talkers[i]
}

func (f *flood) step(e node.Event) {
	for _, a := range slices.Clone(f.node.Step(f.now, e)) {
		switch a := a.(type) {
		case node.Dial:
			i := slices.IndexFunc(f.talkers, func(p *talker) bool { return p.at == a.Addr })
			f.talkers[i].id, f.talkers[i].due = a.Peer, time.Time{}
			f.step(node.PeerUp{Peer: a.Peer, Services: 9})
		case node.GetHeaders:
			p := f.byID(a.Peer)
			p.ask, p.due = a.Locator, f.now.Add(p.wait)
		case node.LoadJournal:
			f.step(node.JournalLoaded{Empty: true})
		case node.KeepHeaders:
			f.kept += len(a.Headers)
		case node.Disconnect:
			f.ended = append(f.ended, string(a.Reason))
			f.byID(a.Peer).id = 0
		case node.GetData:
			f.fetches++
		}
	}
}

// pass lets time pass.
func (f *flood) pass(span, step time.Duration) {
	for end := f.now.Add(span); f.now.Before(end); {
		f.now = f.now.Add(step)
		for _, p := range f.talkers {
			if p.id != 0 && !p.due.IsZero() && !f.now.Before(p.due) {
				p.due = time.Time{}
				f.step(node.HeadersReceived{Peer: p.id, Headers: p.answer()})
			}
		}
		f.step(node.Tick{})
	}
}

func heapInUse() int64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.GC()
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// THREATS.md H01, H02: three peers send headers at the lowest difficulty on top of
// genesis, without end, and the one honest peer is asked last. Memory is flat, nothing
// of theirs is kept, and the honest chain is reached and stays.
func TestFloodOfLowWork(t *testing.T) {
	genesis := btc.Regtest.Params().Genesis
	honest := newTalker(9, line(genesis, 12_500, 9), 500*time.Millisecond, false)
	wait, flood := time.Second, 1_000_000
	if raceDetector || testing.Short() {
		wait, flood = 10*time.Second, 80_000
	}
	var talkers []*talker
	for i := range 3 {
		talkers = append(talkers, newTalker(i, line(genesis, 10_000, uint32(i)), wait, true))
	}
	work := btc.Regtest.Params().PowLimit.Work().Mul(11_000)
	f := newFlood(node.Config{Network: btc.Regtest, MinimumChainWork: work}, append(talkers, honest)...)
	before := heapInUse()
	for minute := 0; honest.sent == 0; minute++ {
		f.pass(20*time.Second, 100*time.Millisecond)
		if honest.sent == 0 && (f.node.Headers() != 1 || f.kept != 0) {
			t.Fatalf("%d headers, %d kept", f.node.Headers(), f.kept)
		}
		if grown := heapInUse() - before; grown > 4<<20 {
			t.Fatalf("memory has grown by %d bytes", grown)
		}
		if minute > 12 {
			t.Fatal("the honest peer is not asked")
		}
	}
	f.pass(20*time.Second, 100*time.Millisecond)
	best := f.node.Status(f.now).BestHeight
	if best != 12_500 || f.node.Headers() != 12_501 || f.kept != 12_500 || f.fetches == 0 {
		t.Fatalf("best %d, %d headers, %d kept, %d fetches: %s", best, f.node.Headers(), f.kept, f.fetches, f.node.Status(f.now).WaitingFor)
	}
	sent := 0
	before = heapInUse()
	f.pass(time.Minute, 100*time.Millisecond)
	for _, p := range talkers {
		sent += p.sent
	}
	t.Logf("%d headers without work enough in %v", sent, f.now.Sub(start))
	if grown := heapInUse() - before; sent < flood || grown > 4<<20 || f.node.Headers() != 12_501 || len(f.ended) > 0 {
		t.Errorf("%d sent, memory has grown by %d, %d headers, ended: %v", sent, grown, f.node.Headers(), f.ended)
	}
	runtime.KeepAlive(f)
}

// THREATS.md H01: headers that go on for ever and lead nowhere end by the clock, and
// beginning anew does not turn it back: 15 minutes and 2 ms for each block since
// genesis, 41 minutes.
func TestPresyncDeadline(t *testing.T) {
	genesis := btc.Regtest.Params().Genesis
	work := btc.Regtest.Params().PowLimit.Work().Mul(100_000)
	blocks := (start.Unix() - int64(genesis.Time())) / 600
	limit := 15*time.Minute + time.Duration(2*blocks)*time.Millisecond
	p := newTalker(1, line(genesis, 6_000, 1), time.Minute, true)
	f := newFlood(node.Config{Network: btc.Regtest, MinimumChainWork: work}, p)
	f.pass(time.Minute, time.Second) // the first message begins it
	f.pass(limit-time.Second, time.Second)
	if len(f.ended) != 0 || p.sent < 70_000 || f.node.Presyncing() != 1 {
		t.Fatalf("ended %v, %d sent, %d presyncs", f.ended, p.sent, f.node.Presyncing())
	}
	f.pass(time.Second, time.Second)
	if !slices.Equal(f.ended, []string{"presync-timeout"}) || f.node.Presyncing() != 0 {
		t.Errorf("ended %v, %d presyncs", f.ended, f.node.Presyncing())
	}
}

// Sixteen peers may be in a presync at once. The next one's headers are forgotten, and
// it has its turn once a place is free.
func TestPresyncLimit(t *testing.T) {
	const most = 16
	genesis := btc.Regtest.Params().Genesis
	work := btc.Regtest.Params().PowLimit.Work().Mul(3_000)
	chain := line(genesis, 3_500, 1)
	for _, count := range []int{most - 1, most, most + 1} {
		t.Run(fmt.Sprint(count), func(t *testing.T) {
			var talkers []*talker
			for i := range count {
				talkers = append(talkers, newTalker(i, chain, time.Hour, false)) // the test answers for them
			}
			f := newFlood(node.Config{Network: btc.Regtest, MinimumChainWork: work}, talkers...)
			for _, p := range talkers {
				f.step(node.HeadersReceived{Peer: p.id, Headers: chain[:btc.MaxHeaders]})
			}
			if got := f.node.Presyncing(); got != min(count, most) || f.node.Broken() != "" {
				t.Fatalf("%d presyncs, %s", got, f.node.Broken())
			}
			last := talkers[count-1]
			f.step(node.PeerDown{Peer: talkers[0].id})
			f.step(node.HeadersReceived{Peer: last.id, Headers: chain[:btc.MaxHeaders]})
			if got := f.node.Presyncing(); got != min(count-1, most) {
				t.Errorf("%d presyncs after one is gone", got)
			}
		})
	}
}
