package headerchain_test

import (
	"errors"
	"reflect"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"blockgate/headerchain"
	"blockgate/internal/btc"
)

// machine drives a chain and the model with the same calls and compares all that
// can be seen.
type machine struct {
	c *headerchain.Chain
	m *model
	// loose are headers that were made and not accepted.
	loose []btc.Header
}

func newMachine(maxSide int) *machine {
	x := &machine{c: headerchain.New(btc.Regtest), m: newModel(btc.Regtest)}
	x.c.SetMaxSide(maxSide)
	x.m.maxSide = maxSide
	return x
}

func (x *machine) node(t *rapid.T) *modelNode { return rapid.SampledFrom(x.m.nodes).Draw(t, "node") }

// batch mines headers on some node; at times one is wrong or left out.
func (x *machine) batch(t *rapid.T) []btc.Header {
	parent := x.node(t)
	headers := branch(parent.header, rapid.IntRange(1, 6).Draw(t, "count"), rapid.Byte().Draw(t, "mark"))
	if rapid.Bool().Draw(t, "repeat") { // with some that are held in front
		for n := parent; n.up != nil && len(headers) < 9; n = n.up {
			headers = append([]btc.Header{n.header}, headers...)
		}
	}
	at := rapid.IntRange(0, len(headers)-1).Draw(t, "at")
	switch rapid.IntRange(0, 9).Draw(t, "fault") {
	case 0:
		headers[at] = spoil(child(&parent.header, 0))
	case 1:
		headers[at][rapid.IntRange(0, btc.HeaderSize-1).Draw(t, "byte")] ^= 1 << rapid.IntRange(0, 7).Draw(t, "bit")
	case 2:
		headers = slices.Delete(headers, at, at+1)
	case 3:
		x.loose = append(x.loose, headers...)
		headers = headers[:at]
	case 4:
		if len(x.loose) > 0 {
			headers = []btc.Header{rapid.SampledFrom(x.loose).Draw(t, "loose")}
		}
	}
	return headers
}

func (x *machine) Accept(t *rapid.T) { x.give(t, nil) }

// AcceptHeld gives headers that stay.
func (x *machine) AcceptHeld(t *rapid.T) {
	holder := rapid.Uint64Range(0, 2).Draw(t, "holder")
	x.give(t, &holder)
}

func (x *machine) Release(t *rapid.T) {
	holder := rapid.Uint64Range(0, 2).Draw(t, "holder")
	x.c.Release(holder)
	delete(x.m.holds, holder)
}

func (x *machine) give(t *rapid.T, holder *uint64) {
	headers := x.batch(t)
	genesis := regtestGenesis()
	late := time.Duration(rapid.IntRange(-7200, 10_000).Draw(t, "clock")) * time.Second
	x.acceptBy(t, headers, time.Unix(int64(genesis.Time()), 0).Add(late), holder)
}

func (x *machine) accept(t interface{ Fatalf(string, ...any) }, headers []btc.Header, now time.Time) {
	x.acceptBy(t, headers, now, nil)
}

func (x *machine) acceptBy(t interface{ Fatalf(string, ...any) }, headers []btc.Header, now time.Time, holder *uint64) {
	accept := x.c.Accept
	if holder != nil {
		accept = func(headers []btc.Header, now time.Time) (headerchain.Accepted, error) {
			return x.c.AcceptHeld(*holder, headers, now)
		}
	}
	done, err := accept(headers, now)
	want, kind := x.m.accept(headers, now, holder)
	if done != want || !errors.Is(err, kind) || (err == nil) != (kind == nil) {
		t.Fatalf("Accept: %+v, %v; want %+v, %v", done, err, want, kind)
	}
	var refused *headerchain.HeaderError
	if errors.As(err, &refused) && (refused.Index != done.New+done.Known || refused.Hash != headers[refused.Index].Hash()) {
		t.Fatalf("Accept: %+v, but refused %+v", done, refused)
	}
}

func (x *machine) Complete(t *rapid.T) {
	n := x.node(t)
	change, err := x.c.Complete(n.hash)
	x.compare(t, change, x.m.setComplete(n), err)
}

// CompleteNext does what a fetcher does: it follows Missing.
func (x *machine) CompleteNext(t *rapid.T) {
	wanted := x.c.Missing(rapid.IntRange(1, 8).Draw(t, "limit"))
	if len(wanted) == 0 {
		t.Skip("nothing is missing")
	}
	hash := rapid.SampledFrom(wanted).Draw(t, "wanted").Hash
	change, err := x.c.Complete(hash)
	x.compare(t, change, x.m.setComplete(x.m.find(hash)), err)
}

func (x *machine) Park(t *rapid.T) {
	n := x.node(t)
	change, err := x.c.Park(n.hash)
	if n.up == nil {
		if !errors.Is(err, headerchain.ErrBase) {
			t.Fatalf("Park of the first header: %v", err)
		}
		return
	}
	n.parked = true
	x.compare(t, change, x.m.choose(), err)
}

func (x *machine) Unpark(t *rapid.T) {
	n := x.node(t)
	n.parked = false
	change, err := x.c.Unpark(n.hash)
	x.compare(t, change, x.m.choose(), err)
}

func (x *machine) Rebase(t *rapid.T) {
	n := x.node(t)
	x.m.rebase(n)
	if err := x.c.Rebase(n.hash); err != nil {
		t.Fatalf("Rebase: %v", err)
	}
}

func (x *machine) compare(t *rapid.T, got, want headerchain.Change, err error) {
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Fatalf("%+v, %v; want %+v", got, err, want)
	}
	if got.Moved() != (len(want.Connected)+len(want.Reverted) > 0) {
		t.Fatalf("Moved of %+v", got)
	}
}

// Check compares what can be seen.
func (x *machine) Check(t *rapid.T) {
	if err := x.c.CheckInvariants(); err != nil {
		t.Fatal(err)
	}
	if got, want := x.c.Best(), x.m.best().entry(); got != want {
		t.Fatalf("best %+v, want %+v", got, want)
	}
	if got, want := x.c.BestComplete(), x.m.complete.entry(); got != want {
		t.Fatalf("complete %+v, want %+v", got, want)
	}
	if x.c.Len() != len(x.m.nodes) {
		t.Fatalf("%d headers, want %d", x.c.Len(), len(x.m.nodes))
	}
	limit := rapid.IntRange(-1, 40).Draw(t, "limit")
	if got, want := hashesOf(x.c.Missing(limit)), x.m.missing(limit); !slices.Equal(got, want) {
		t.Fatalf("missing %v, want %v", got, want)
	}
	n, m := x.node(t), x.node(t)
	if got, ok := x.c.Lookup(n.hash); !ok || got != n.entry() {
		t.Fatalf("lookup %+v, want %+v", got, n.entry())
	}
	x.checkWays(t, n, m)
}

func (x *machine) checkWays(t *rapid.T, n, m *modelNode) {
	height := btc.Height(rapid.IntRange(-1, int(n.height)+1).Draw(t, "height"))
	got, ok := x.c.Ancestor(n.hash, height)
	if inside := height >= 0 && height <= n.height; ok != inside || inside && got != n.path()[n.height-height].entry() {
		t.Fatalf("ancestor of %v at %d: %+v", n.hash, height, got)
	}
	fork := x.m.fork(n, m)
	if got, ok := x.c.ForkPoint(n.hash, m.hash); !ok || got != fork.entry() {
		t.Fatalf("fork %+v, want %+v", got, fork.entry())
	}
	down, up, ok := x.c.Path(n.hash, m.hash)
	if !ok || len(down) != int(n.height-fork.height) || len(up) != int(m.height-fork.height) {
		t.Fatalf("path: %d down, %d up", len(down), len(up))
	}
	for i, e := range down {
		if e != n.path()[i].entry() {
			t.Fatalf("down %d: %+v", i, e)
		}
	}
	for i, e := range up {
		if e != m.path()[len(up)-1-i].entry() {
			t.Fatalf("up %d: %+v", i, e)
		}
	}
}

func TestTreeAgreesWithModel(t *testing.T) { checkTree(t, rapid.Just(headerchain.MaxSideHeaders)) }

// The same with little room, so that headers go all the time.
func TestTreeWithEvictionsAgreesWithModel(t *testing.T) { checkTree(t, rapid.IntRange(0, 40)) }

func checkTree(t *testing.T, maxSide *rapid.Generator[int]) {
	t.Helper()
	rapid.Check(t, func(t *rapid.T) {
		x := newMachine(maxSide.Draw(t, "maxSide"))
		t.Repeat(map[string]func(*rapid.T){
			"":     x.Check,
			"grow": x.Accept, "grow more": x.Accept, "grow much": x.Accept,
			"grow held": x.AcceptHeld, "release": x.Release,
			"complete": x.Complete, "fetch": x.CompleteNext, "fetch more": x.CompleteNext, "fetch much": x.CompleteNext,
			"park": x.Park, "unpark": x.Unpark, "rebase": x.Rebase,
		})
	})
}
