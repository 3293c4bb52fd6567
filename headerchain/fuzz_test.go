package headerchain_test

import (
	"reflect"
	"slices"
	"testing"
	"time"

	"blockgate/internal/btc"
)

// Opcodes of a fuzz script. A step is an opcode and two bytes; fuzzRaw and
// fuzzFlip take more.
const (
	fuzzGrow    = iota // mine some headers on a node and give them
	fuzzRaw            // 76 raw bytes as a header on a node
	fuzzFlip           // mine some, flip a bit of one, give them
	fuzzStrange        // 80 raw bytes as they are
	fuzzComplete
	fuzzPark
	fuzzUnpark
	fuzzRebase
	fuzzOps
)

// script is a fuzzer's input, taken byte by byte.
type script struct{ rest []byte }

func (s *script) take(n int) []byte {
	out := make([]byte, n) // n is a constant of ours
	s.rest = s.rest[copy(out, s.rest):]
	return out
}

// FuzzAccept lets a script drive a chain and the slow model, whose rules are
// btcd's, and compares all that can be seen after each step.
func FuzzAccept(f *testing.F) {
	f.Add([]byte{31, fuzzGrow, 0, 3, fuzzGrow, 0, 2, fuzzComplete, 1, 0, fuzzComplete, 2, 0, fuzzPark, 2, 0, fuzzUnpark, 2, 0})
	f.Add([]byte{31, fuzzGrow, 0, 5, fuzzFlip, 2, 4, 1, 70, 3, fuzzComplete, 3, 0, fuzzRebase, 4, 0, fuzzGrow, 1, 7})
	f.Add([]byte{2, fuzzGrow, 0, 7, fuzzGrow, 0, 4, fuzzGrow, 3, 12, fuzzComplete, 1, 0, fuzzPark, 8, 0, fuzzGrow, 0, 2, fuzzUnpark, 8, 0})
	genesis := regtestGenesis()
	raw := child(&genesis, 0).Header()
	f.Add(append([]byte{0, fuzzRaw, 0, 0}, slices.Concat(raw[:4], raw[36:])...))
	f.Add(append([]byte{3, fuzzStrange, 0, 0}, raw[:]...))
	f.Add(append([]byte{3, fuzzStrange, 0, 0}, genesis[:]...))
	f.Fuzz(func(t *testing.T, input []byte) {
		s := &script{rest: input[:min(len(input), 1000)]}
		x := newMachine(int(s.take(1)[0] % 32))
		for len(s.rest) > 0 && len(x.m.nodes) < 60 {
			step := s.take(3)
			n := x.m.nodes[int(step[1])%len(x.m.nodes)]
			x.fuzzStep(t, s, step[0]%fuzzOps, n, step[2])
			x.fuzzCompare(t, int(step[2]))
		}
	})
}

func (x *machine) fuzzStep(t *testing.T, s *script, op byte, n *modelNode, arg byte) {
	t.Helper()
	clock := time.Unix(int64(n.header.Time())+int64(arg)*60, 0)
	switch op {
	case fuzzGrow:
		x.accept(t, branch(n.header, 1+int(arg)%8, arg), clock)
	case fuzzRaw:
		body := s.take(btc.HeaderSize - btc.HashSize)
		x.accept(t, []btc.Header{btc.Header(slices.Concat(body[:4], n.hash[:], body[4:]))}, clock)
	case fuzzFlip:
		where := s.take(3)
		headers := branch(n.header, 1+int(arg)%4, arg)
		headers[int(where[0])%len(headers)][int(where[1])%btc.HeaderSize] ^= 1 << (where[2] % 8)
		x.accept(t, headers, clock)
	case fuzzStrange:
		x.accept(t, []btc.Header{btc.Header(s.take(btc.HeaderSize))}, clock)
	case fuzzComplete:
		change, err := x.c.Complete(n.hash)
		if want := x.m.setComplete(n); err != nil || !reflect.DeepEqual(change, want) {
			t.Fatalf("Complete: %+v, %v; want %+v", change, err, want)
		}
	case fuzzPark, fuzzUnpark:
		if n.up == nil {
			return
		}
		n.parked = op == fuzzPark
		do := x.c.Unpark
		if n.parked {
			do = x.c.Park
		}
		change, err := do(n.hash)
		if want := x.m.choose(); err != nil || !reflect.DeepEqual(change, want) {
			t.Fatalf("Park %t: %+v, %v; want %+v", n.parked, change, err, want)
		}
	case fuzzRebase:
		x.m.rebase(n)
		if err := x.c.Rebase(n.hash); err != nil {
			t.Fatal(err)
		}
	}
}

func (x *machine) fuzzCompare(t *testing.T, limit int) {
	t.Helper()
	mustHold(t, x.c)
	if got, want := x.c.Best(), x.m.best().entry(); got != want {
		t.Fatalf("best %+v, want %+v", got, want)
	}
	if got, want := x.c.BestComplete(), x.m.complete.entry(); got != want {
		t.Fatalf("complete %+v, want %+v", got, want)
	}
	if got, want := hashesOf(x.c.Missing(limit)), x.m.missing(limit); !slices.Equal(got, want) {
		t.Fatalf("missing %v, want %v", got, want)
	}
}
