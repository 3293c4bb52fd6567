package headerchain_test

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"math/big"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"blockgate/headerchain"
	"blockgate/internal/btc"
)

// presyncModel is a presync as one would explain it: it remembers every header of
// both passes and counts anew each time. It is for regtest, where any change of target
// may be.
type presyncModel struct {
	limits        headerchain.PresyncLimits
	maxBits, page int
	required      *big.Int
	secret        [32]byte
	first, second []btc.Header
	passed        bool // the first pass is over
	over          bool
	out           int // of second
}

// bitOf returns whether the header at a height has a bit, and the bit.
func (m *presyncModel) bitOf(height int, header *btc.Header) (has, bit bool) {
	key := sha256.Sum256(m.secret[:])
	pick := sha256.Sum256(key[:])
	if uint64(height)%uint64(m.limits.Period) != binary.BigEndian.Uint64(pick[:8])%uint64(m.limits.Period) {
		return false, false
	}
	hash := header.Hash()
	sum := sha256.Sum256(slices.Concat(key[:], hash[:]))
	return true, sum[0]%2 == 1
}

func (m *presyncModel) bits(headers []btc.Header) (bits []bool) {
	for i := range headers {
		if has, bit := m.bitOf(i+1, &headers[i]); has {
			bits = append(bits, bit)
		}
	}
	return bits
}

// chain returns what was read in this pass.
func (m *presyncModel) chain() *[]btc.Header {
	if m.passed {
		return &m.second
	}
	return &m.first
}

func (m *presyncModel) tip() btc.Hash {
	genesis := regtestGenesis()
	if chain := *m.chain(); len(chain) > 0 {
		return chain[len(chain)-1].Hash()
	}
	return genesis.Hash()
}

// isEnough reports whether headers on genesis have the work that is asked for.
func (m *presyncModel) isEnough(headers []btc.Header) bool {
	genesis := regtestGenesis()
	work := newBigWork(genesis.Bits())
	for i := range headers {
		work.Add(work, newBigWork(headers[i].Bits()))
	}
	return len(headers) > 0 && work.Cmp(m.required) >= 0
}

func (m *presyncModel) next(headers []btc.Header) (kind error) {
	for i := range headers {
		if kind = m.one(headers[i], i == 0); kind != nil {
			m.over = true
			return kind
		}
	}
	enough := m.isEnough(*m.chain())
	switch {
	case m.passed && enough:
		m.over = true
	case enough:
		m.passed = true
	case len(headers) < m.page:
		m.over = true
		return headerchain.ErrPresyncShort
	}
	return nil
}

func (m *presyncModel) one(header btc.Header, first bool) error {
	hash := header.Hash()
	target, err := btc.TargetFromCompact(header.Bits())
	switch {
	case header.Prev() != m.tip() && first:
		return headerchain.ErrPresyncMoved
	case header.Prev() != m.tip():
		return headerchain.ErrDiscontinuous
	case err != nil || toBig(target.Uint256).Cmp(toBig(btc.Regtest.Params().PowLimit.Uint256)) > 0:
		return headerchain.ErrTarget
	case !target.Meets(&hash):
		return headerchain.ErrHighHash
	}
	chain := m.chain()
	*chain = append(*chain, header)
	if !m.passed {
		if len(m.bits(m.first)) > m.maxBits {
			return headerchain.ErrPresyncTooLong
		}
		return nil
	}
	if !m.isEnough(m.second) { // all bits so far are as they were
		shown, given := m.bits(m.first), m.bits(m.second)
		if len(given) > len(shown) || !slices.Equal(given, shown[:len(given)]) {
			return headerchain.ErrPresyncMismatch
		}
	}
	return nil
}

// ready returns the headers that came to be ready.
func (m *presyncModel) ready() []btc.Header {
	end := len(m.second) - m.limits.Buffer
	if m.isEnough(m.second) {
		end = len(m.second)
	}
	if end <= m.out {
		return nil
	}
	from := m.out
	m.out = end
	return m.second[from:end]
}

// presyncMachine drives a presync and the model with the same messages.
type presyncMachine struct {
	p     *headerchain.Presync
	m     *presyncModel
	trunk []btc.Header // what the peer has
}

func newPresyncMachine(period, buffer, maxBits, page, required int, seed byte) *presyncMachine {
	c := headerchain.New(btc.Regtest)
	x := &presyncMachine{
		p: c.NewPresync(c.Base().Hash, blocks(required), presyncClock, [32]byte{}),
		m: &presyncModel{
			limits: headerchain.PresyncLimits{Period: period, Buffer: buffer}, maxBits: maxBits, page: page,
			required: toBig(blocks(required).Uint256), secret: [32]byte{seed},
		},
	}
	x.p.SetLimits(x.m.limits, maxBits, page, x.m.secret)
	return x
}

// The ways of a message.
const (
	msgHonest = iota
	msgPart
	msgEmpty
	msgOther
	msgSpoilt
	msgFlipped
	msgAgain
	msgKinds
)

// message returns what a peer may send: a part of its chain, another one, or garbage.
// a and b are for chance.
func (x *presyncMachine) message(kind int, a, b byte) []btc.Header {
	at := len(*x.m.chain())
	for len(x.trunk) < at+x.m.page { // grow
		last := regtestGenesis()
		if len(x.trunk) > 0 {
			last = x.trunk[len(x.trunk)-1]
		}
		x.trunk = append(x.trunk, mine(child(&last, 0)))
	}
	headers := slices.Clone(x.trunk[at : at+x.m.page])
	i := int(a) % len(headers)
	switch kind {
	case msgPart:
		return headers[:i]
	case msgEmpty:
		return nil
	case msgOther: // from there on the peer's chain is another one
		base := regtestGenesis()
		if at+i > 0 {
			base = x.trunk[at+i-1]
		}
		x.trunk = append(x.trunk[:at+i:at+i], branch(base, x.m.page-i, 1+b)...)
		return slices.Clone(x.trunk[at:])
	case msgSpoilt:
		headers[i] = spoil(child(&x.trunk[max(0, at+i-1)], b))
	case msgFlipped:
		headers[i][int(b)%btc.HeaderSize] ^= 1 << (a % 8)
	case msgAgain:
		return append(headers[:i:i], headers[:len(headers)-i]...)
	}
	return headers
}

// step gives both a message and says what differs, "" if nothing does.
func (x *presyncMachine) step(t interface{ Fatalf(string, ...any) }, headers []btc.Header) {
	err := x.p.Next(headers)
	kind := x.m.next(headers)
	if !errors.Is(err, kind) || (err == nil) != (kind == nil) {
		t.Fatalf("%d headers, %d in the first pass, %d in the second: %v, want %v", len(headers), len(x.m.first), len(x.m.second), err, kind)
	}
	var out []btc.Header
	for ready := x.p.Ready(); len(ready) > 0; ready = x.p.Ready() {
		out = append(out, ready...)
	}
	var want []btc.Header
	if err == nil {
		want = x.m.ready()
	}
	if !slices.Equal(out, want) {
		t.Fatalf("%d headers are ready, want %d", len(out), len(want))
	}
	if x.p.Done() != x.m.over {
		t.Fatalf("done %t, want %t", x.p.Done(), x.m.over)
	}
	if x.m.over {
		return
	}
	if x.p.Locator()[0] != x.m.tip() || int(x.p.Height()) != len(*x.m.chain()) || x.m.passed != (x.p.Pass() == headerchain.SecondPass) {
		t.Fatalf("pass %d, height %d; want second %t, height %d", x.p.Pass(), x.p.Height(), x.m.passed, len(*x.m.chain()))
	}
}

func TestPresyncAgreesWithModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		draw := func(name string, low, high int) int { return rapid.IntRange(low, high).Draw(t, name) }
		x := newPresyncMachine(draw("period", 1, 7), draw("buffer", 1, 20), draw("max bits", 0, 60), draw("page", 1, 9), draw("required", 1, 80), rapid.Byte().Draw(t, "seed"))
		for !x.m.over {
			kind := max(0, draw("kind", -20, msgKinds-1)) // honest most of the time
			x.step(t, x.message(kind, rapid.Byte().Draw(t, "a"), rapid.Byte().Draw(t, "b")))
		}
	})
}

// FuzzPresync lets a script choose the messages of a peer, and compares the presync
// with the model after each.
func FuzzPresync(f *testing.F) {
	f.Add([]byte{3, 5, 30, 6, 40, 1})
	f.Add([]byte{2, 4, 60, 8, 70, 2, msgHonest, 0, 0, msgHonest, 0, 0, msgOther, 3, 1})
	f.Add([]byte{1, 19, 9, 4, 60, 3})
	f.Add([]byte{6, 2, 40, 5, 33, 4, msgHonest, 0, 0, msgPart, 3, 0})
	f.Add([]byte{0, 0, 50, 3, 7, 5, msgHonest, 0, 0, msgHonest, 0, 0, msgHonest, 0, 0, msgFlipped, 2, 70})
	f.Add([]byte{4, 9, 20, 7, 50, 6, msgSpoilt, 2, 9, msgAgain, 1, 1, msgEmpty, 0, 0})
	f.Fuzz(func(t *testing.T, input []byte) {
		s := &script{rest: input[:min(len(input), 300)]}
		head := s.take(6)
		x := newPresyncMachine(1+int(head[0])%7, 1+int(head[1])%20, int(head[2])%61, 1+int(head[3])%9, 1+int(head[4])%80, head[5])
		for !x.m.over {
			step := s.take(3)
			x.step(t, x.message(int(step[0])%msgKinds, step[1], step[2]))
		}
	})
}
