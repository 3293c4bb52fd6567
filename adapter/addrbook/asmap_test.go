package addrbook

import (
	"encoding/hex"
	"errors"
	"math/bits"
	"math/rand"
	"net/netip"
	"strconv"
	"strings"
	"testing"
)

// coreMap is a random map of 128 ranges.
//
// Source: asmap_test_vectors, Bitcoin Core v31.0 src/test/netbase_tests.cpp.
const coreMap = "fd38d50f7d5d665357f64bba6bfc190d6078a7e68e5d3ac032edf47f8b5755f87881bfd3633d9aa7c1fa279b3" +
	"6fe26c63bbc9de44e0f04e5a382d8e1cddbe1c26653bc939d4327f287e8b4d1f8aff33176787cb0ff7cb28e3f" +
	"daef0f8f47357f801c9f7ff7a99f7f9c9f99de7f3156ae00f23eb27a303bc486aa3ccc31ec19394c2f8a53ddd" +
	"ea3cc56257f3b7e9b1f488be9c1137db823759aa4e071eef2e984aaf97b52d5f88d0f373dd190fe45e06efef1" +
	"df7278be680a73a74c76db4dd910f1d30752c57fe2bc9f079f1a1e1b036c2a69219f11c5e11980a3fa51f4f82" +
	"d36373de73b1863a8c27e36ae0e4f705be3d76ecff038a75bc0f92ba7e7f6f4080f1c47c34d095367ecf4406c" +
	"1e3bbc17ba4d6f79ea3f031b876799ac268b1e0ea9babf0f9a8e5f6c55e363c6363df46afc696d7afceaf49b6" +
	"e62df9e9dc27e70664cafe5c53df66dd0b8237678ada90e73f05ec60e6f6e96c3cbb1ea2f9dece115d5bdba10" +
	"33e53662a7d72a29477b5beb35710591d3e23e5f0379baea62ffdee535bcdf879cbf69b88d7ea37c8015381cf" +
	"63dc33d28f757a4a5e15d6a08"

func coreMapFile(t testing.TB) []byte {
	t.Helper()
	raw, err := hex.DecodeString(coreMap)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func TestASMapOfCore(t *testing.T) {
	m, err := ParseASMap(coreMapFile(t))
	if err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]uint32{
		"0:1559:183:3728:224c:65a5:62e6:e991":     961340,
		"d0:d493:faa0:8609:e927:8b75:293c:f5a4":   961340,
		"2a0:26f:8b2c:2ee7:c7d1:3b24:4705:3f7f":   693761,
		"a77:7cd4:4be5:a449:89f2:3212:78c6:ee38":  0,
		"1336:1ad6:2f26:4fe3:d809:7321:6e0d:4615": 672176,
		"1d56:abd0:a52f:a8d5:d5a7:a610:581d:d792": 499880,
		"378e:7290:54e5:bd36:4760:971c:e9b9:570d": 0,
		"406c:820b:272a:c045:b74e:fc0a:9ef2:cecc": 248495,
		"46c2:ae07:9d08:2d56:d473:2bc7:57e3:20ac": 248495,
		"50d2:3db6:52fa:2e7:12ec:5bc4:1bd1:49f9":  124471,
		"53e1:1812:ffa:dccf:f9f2:64be:75fa:795":   539993,
		"544d:eeba:3990:35d1:ad66:f9a3:576d:8617": 374443,
		"6a53:40dc:8f1d:3ffa:efeb:3aa3:df88:b94b": 435070,
		"87aa:d1c9:9edb:91e7:aab1:9eb9:baa0:de18": 244121,
		"9f00:48fa:88e3:4b67:a6f3:e6d2:5cc1:5be2": 862116,
		"c49f:9cc6:86ad:ba08:4580:315e:dbd1:8a62": 969411,
		"dff5:8021:61d:b17d:406d:7888:fdac:4a20":  969411,
		"e888:6791:2960:d723:bcfd:47e1:2d8c:599f": 824019,
		"ffff:d499:8c4b:4941:bc81:d5b9:b51e:85a8": 824019,
	} {
		if got := m.lookup(FromAddrPort(netip.AddrPortFrom(netip.MustParseAddr(text), 1))); got != want {
			t.Errorf("%s: %d, want %d", text, got, want)
		}
	}
}

func TestASMapComesBack(t *testing.T) {
	file := coreMapFile(t)
	m, err := ParseASMap(file)
	if err != nil {
		t.Fatal(err)
	}
	if got := m.Append([]byte("x")); string(got) != "x"+string(file) {
		t.Errorf("%d bytes come back as %d", len(file), len(got)-1)
	}
	m = nil
	if got := m.Append(nil); len(got) > 0 || New(Config{Systems: m}).Systems() != nil {
		t.Errorf("no map comes back as %x", got)
	}
}

func TestASMapGroups(t *testing.T) {
	m, err := ParseASMap(coreMapFile(t))
	if err != nil {
		t.Fatal(err)
	}
	cfg := testConfig(1)
	cfg.Systems = m
	b := New(cfg)
	near, far := at(t, "[406c:820b:272a:c045:b74e:fc0a:9ef2:cecc]:1"), at(t, "[46c2:ae07:9d08:2d56:d473:2bc7:57e3:20ac]:1")
	if b.Group(near) != b.Group(far) || New(testConfig(1)).Group(near) == New(testConfig(1)).Group(far) {
		t.Error("addresses of one system are not one group, or are one without a map")
	}
	one, other := at(t, "[a77:7cd4:4be5:a449:89f2:3212:78c6:ee38]:1"), at(t, "[378e:7290:54e5:bd36:4760:971c:e9b9:570d]:1")
	if b.Group(one) == b.Group(other) {
		t.Error("addresses that the map does not know are one group")
	}
	if m.lookup(at(t, onion+":1")) != 0 || m.lookup(at(t, "[fc00::1]:1")) != 0 || (*ASMap)(nil).lookup(near) != 0 {
		t.Error("what has no system has one")
	}
}

// asWriter writes a map, as a slow and obvious counterpart of the reader.
type asWriter struct{ bits []byte }

func (w *asWriter) number(f numberForm, value uint32) {
	value -= forms[f].least
	class := uint32(0)
	for value>>f.classBits(class) != 0 {
		value -= 1 << f.classBits(class)
		class++
		w.bits = append(w.bits, 1)
	}
	if class+1 < f.classes() {
		w.bits = append(w.bits, 0)
	}
	for n := f.classBits(class); n > 0; n-- {
		w.bits = append(w.bits, byte(value>>(n-1)&1))
	}
}

func (w *asWriter) op(op uint32, f numberForm, value uint32) {
	w.number(opForm, op)
	w.number(f, value)
}

func (w *asWriter) bytes() []byte {
	file := make([]byte, (len(w.bits)+7)/8)
	for i, bit := range w.bits {
		file[i/8] |= bit << (i % 8)
	}
	return file
}

// asTrie maps prefixes: a leaf has a system, a fork two branches.
type asTrie struct {
	as       uint32
	branches [2]*asTrie
}

// randomTrie returns a trie at most deep levels deep.
func randomTrie(r *rand.Rand, deep int) *asTrie {
	if deep == 0 || r.Intn(4) == 0 {
		return &asTrie{as: 1 + uint32(r.Intn(1<<20))}
	}
	return &asTrie{branches: [2]*asTrie{randomTrie(r, deep-1), randomTrie(r, deep-1)}}
}

func (n *asTrie) write(w *asWriter) {
	if n.as != 0 {
		w.op(opReturn, asForm, n.as)
		return
	}
	var zero asWriter
	n.branches[0].write(&zero)
	w.op(opJump, jumpForm, uint32(len(zero.bits)))
	w.bits = append(w.bits, zero.bits...)
	n.branches[1].write(w)
}

func (n *asTrie) find(ip [16]byte) uint32 {
	for used := uint32(0); n.as == 0; used++ {
		n = n.branches[bitOf(&ip, used)]
	}
	return n.as
}

func TestASMapAgainstTrie(t *testing.T) {
	const seed = 20260101
	r := rand.New(rand.NewSource(seed))
	for range 100 {
		trie := randomTrie(r, 12)
		var w asWriter
		trie.write(&w)
		m, err := ParseASMap(w.bytes())
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		for range 100 {
			var ip [16]byte
			r.Read(ip[:])
			ip[0] |= 0x40 // Neither a tunnel nor IPv4.
			a := FromAddrPort(netip.AddrPortFrom(netip.AddrFrom16(ip), 1))
			if got, want := m.lookup(a), trie.find(ip); got != want {
				t.Fatalf("seed %d: %v: %d, want %d", seed, a, got, want)
			}
		}
	}
}

func TestASMapIPv4AndTunnels(t *testing.T) {
	var w asWriter
	w.op(opDefault, asForm, 7)
	for range 10 { // 80 zero bits
		w.op(opMatch, matchForm, 1<<8)
	}
	w.op(opMatch, matchForm, 1<<8|0xff)
	w.op(opMatch, matchForm, 1<<8|0xff)
	w.op(opMatch, matchForm, 1<<8|8)
	w.op(opReturn, asForm, 15169)
	m, err := ParseASMap(w.bytes())
	if err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]uint32{
		"8.8.8.8:1": 15169, "9.8.8.8:1": 7, "[2600::1]:1": 7, "[64:ff9b::808:808]:1": 15169, "[2002:808:808::1]:1": 15169,
		"[2001::f7f7:f7f7]:1": 15169, "[::ffff:0:808:808]:1": 15169,
	} {
		if got := m.lookup(at(t, text)); got != want {
			t.Errorf("%s: %d, want %d", text, got, want)
		}
	}
}

func TestASMapRefused(t *testing.T) {
	build := func(f func(w *asWriter)) []byte {
		var w asWriter
		f(&w)
		return w.bytes()
	}
	for name, c := range map[string]struct {
		file []byte
		want string
	}{
		"empty":            {nil, "ends within an instruction"},
		"only a jump":      {build(func(w *asWriter) { w.op(opJump, jumpForm, 17) }), "leads out"},
		"within a number":  {[]byte{0x00}, "ends within a number"},
		"within a class":   {[]byte{0xff}, "ends within a number"},
		"padding":          {build(func(w *asWriter) { w.op(opReturn, asForm, 1); w.bits = append(w.bits, 1) }), "padding is not zero"},
		"another byte":     {append(build(func(w *asWriter) { w.op(opReturn, asForm, 1) }), 0), "goes on after its end"},
		"default, return":  {build(func(w *asWriter) { w.op(opDefault, asForm, 1); w.op(opReturn, asForm, 1) }), "a return follows a default"},
		"default, default": {build(func(w *asWriter) { w.op(opDefault, asForm, 1); w.op(opDefault, asForm, 1) }), "two defaults"},
		"short matches":    {build(func(w *asWriter) { w.op(opMatch, matchForm, 2); w.op(opMatch, matchForm, 2) }), "two short matches"},
		"unreachable": {build(func(w *asWriter) {
			w.op(opJump, jumpForm, 40)
			w.op(opReturn, asForm, 1)
			w.op(opReturn, asForm, 2)
			w.op(opReturn, asForm, 3)
		}), "never reached"},
		"into an instruction": {build(func(w *asWriter) {
			w.op(opJump, jumpForm, 20)
			w.op(opDefault, asForm, 1)
			w.op(opMatch, matchForm, 2)
			w.op(opReturn, asForm, 2)
		}), "into the middle"},
		"crossing": {build(func(w *asWriter) {
			w.op(opJump, jumpForm, 30)
			w.op(opJump, jumpForm, 60)
			w.op(opReturn, asForm, 1)
			w.op(opReturn, asForm, 1)
			w.op(opReturn, asForm, 1)
			w.op(opReturn, asForm, 1)
		}), "jumps cross"},
	} {
		t.Run(name, func(t *testing.T) {
			m, err := ParseASMap(c.file)
			if m != nil || !errors.Is(err, ErrASMap) || !strings.Contains(err.Error(), c.want) {
				t.Fatalf("%v, want %s", err, c.want)
			}
		})
	}
}

func TestASMapBitsOfAddress(t *testing.T) {
	matching := func(n uint32) []byte {
		var w asWriter
		for ; n >= 8; n -= 8 {
			w.op(opMatch, matchForm, 1<<8)
		}
		if n > 0 {
			w.op(opMatch, matchForm, 1<<n)
		}
		w.op(opReturn, asForm, 9)
		return w.bytes()
	}
	nested := func(n int) []byte { // Each zero branch forks again: n jumps are open.
		var w asWriter
		w.op(opReturn, asForm, 9)
		for range n {
			var outer asWriter
			outer.op(opJump, jumpForm, uint32(len(w.bits)))
			outer.bits = append(outer.bits, w.bits...)
			outer.op(opReturn, asForm, 8)
			w = outer
		}
		return w.bytes()
	}
	for n, ok := range map[uint32]bool{127: true, 128: true, 129: false, 136: false} {
		if _, err := ParseASMap(matching(n)); (err == nil) != ok {
			t.Errorf("matching %d bits: %v", n, err)
		}
		if _, err := ParseASMap(nested(int(n))); (err == nil) != ok {
			t.Errorf("%d nested jumps: %v", n, err)
		}
	}
}

func TestASMapSize(t *testing.T) {
	for _, size := range []int{MaxASMapSize - 1, MaxASMapSize, MaxASMapSize + 1} {
		file := make([]byte, size)
		_, err := ParseASMap(file)
		tooLarge := err != nil && strings.Contains(err.Error(), "the most is")
		if !errors.Is(err, ErrASMap) || tooLarge != (size > MaxASMapSize) {
			t.Errorf("%d bytes: %v", size, err)
		}
	}
}

func TestASMapCutOff(t *testing.T) {
	file := coreMapFile(t)
	for size := range file {
		if _, err := ParseASMap(file[:size]); !errors.Is(err, ErrASMap) {
			t.Fatalf("cut at %d: %v", size, err)
		}
	}
}

// FuzzASMap checks that a map that passes the check gives each address an answer, and
// that numbers are read as they are written.
func FuzzASMap(f *testing.F) {
	f.Add(coreMapFile(f), []byte("some address...."))
	f.Add([]byte{0, 0, 0}, []byte{})
	f.Fuzz(func(t *testing.T, file, address []byte) {
		r := asReader{code: file}
		if n, ok := r.number(matchForm); ok {
			var w asWriter
			w.number(matchForm, n)
			if len(w.bits) != int(r.at) || bits.Len32(n) < 2 || bits.Len32(n) > 9 {
				t.Fatalf("a match of %d in %d bits, written in %d", n, r.at, len(w.bits))
			}
		}
		m, err := ParseASMap(file)
		if err != nil {
			return
		}
		var ip [16]byte
		copy(ip[:], address)
		a := FromAddrPort(netip.AddrPortFrom(netip.AddrFrom16(ip), 1))
		if as, want := m.lookup(a), walk(t, file, a); as != want {
			t.Fatalf("system %d, want %d", as, want)
		}
	})
}

// walk finds the system of an address by writing out the whole program as a list of
// instructions first. It fails the test where a checked map must not lead.
func walk(t *testing.T, file []byte, a Addr) uint32 {
	t.Helper()
	type instruction struct{ op, n, next uint32 }
	program := map[uint32]instruction{}
	r := asReader{code: file}
	for r.at < r.size() {
		start := r.at
		op, _ := r.number(opForm)
		n, ok := r.number(operand(op))
		if !ok {
			break // Padding.
		}
		program[start] = instruction{op, n, r.at}
	}
	ip := a.ip().As16()
	if linked, ok := a.linkedIPv4(); ok {
		ip = linked.As16()
	}
	text := ""
	for i := range uint32(addrBits) {
		text += string(rune('0' + bitOf(&ip, i)))
	}
	fallback := uint32(0)
	for at := uint32(0); ; {
		in, ok := program[at]
		if !ok {
			t.Fatalf("bit %d begins no instruction", at)
		}
		at = in.next
		switch in.op {
		case opReturn:
			return in.n
		case opDefault:
			fallback = in.n
		case opJump:
			if text[0] == '1' {
				at += in.n
			}
			text = text[1:]
		case opMatch:
			want := strconv.FormatUint(uint64(in.n), 2)[1:]
			if !strings.HasPrefix(text, want) {
				return fallback
			}
			text = text[len(want):]
		}
	}
}
