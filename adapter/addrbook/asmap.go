package addrbook

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"math/bits"
)

// ErrASMap says that a map of autonomous systems is not what Bitcoin Core's tools make.
var ErrASMap = errors.New("map of autonomous systems is malformed")

// ASMap tells the autonomous system of an address: whoever announces it to the
// Internet. It is a program of four instructions over the bits of the address, in
// Bitcoin Core's format (contrib/asmap). It is never written after [ParseASMap] and
// may be shared. A nil ASMap knows none.
type ASMap struct {
	code []byte
	sum  [32]byte
}

// The instructions.
const (
	opReturn  = iota // The system is n.
	opJump           // Skip n bits of code if the next bit of the address is set.
	opMatch          // The next bits of the address are n, or the system is the default.
	opDefault        // The default is n.
)

// numberForm is how a number stands in a map: its class in unary, then as many bits as
// the class has.
type numberForm uint8

const (
	opForm numberForm = iota
	asForm
	matchForm
	jumpForm
)

// forms are the least number of each form, and the bits of its first and last class.
// Between them, each class has one bit more. Instructions have classes of 0, 0 and 1.
//
// Source: Bitcoin Core v30.0 src/util/asmap.cpp.
var forms = [...]struct{ least, first, last uint32 }{ //nolint:gochecknoglobals // a table, never written
	opForm: {0, 0, 2}, asForm: {1, 15, 24}, matchForm: {2, 1, 8}, jumpForm: {17, 5, 30},
}

// classBits returns the bits of class n.
func (f numberForm) classBits(n uint32) uint32 {
	if f == opForm {
		return n / 2
	}
	return forms[f].first + n
}

func (f numberForm) classes() uint32 { return forms[f].last - forms[f].first + 1 }

// operand returns the form of the number that follows an instruction.
func operand(op uint32) numberForm {
	switch op {
	case opJump:
		return jumpForm
	case opMatch:
		return matchForm
	default:
		return asForm
	}
}

// addrBits is how many bits an address has in a map: IPv4 stands at ::ffff:0:0/96.
const addrBits = 128

// ParseASMap checks a map as a whole, so that no address can run out of it, and keeps
// a copy. It returns [ErrASMap], with the bit at which the fault is, for a map that is
// too large, empty, cut off, jumps into the middle of an instruction, has code that is
// never reached, wants more bits than an address has, or goes on after its end.
//
// Source: SanityCheckASMap, Bitcoin Core v30.0 src/util/asmap.cpp.
func ParseASMap(file []byte) (*ASMap, error) {
	if len(file) > MaxASMapSize {
		return nil, fmt.Errorf("%w: %d bytes, the most is %d", ErrASMap, len(file), MaxASMapSize)
	}
	m := &ASMap{code: append([]byte(nil), file...), sum: sha256.Sum256(file)}
	c := asChecker{asReader: asReader{code: m.code}, left: addrBits, before: opJump}
	for {
		end, fault := c.step()
		if fault != "" {
			return nil, fmt.Errorf("%w: bit %d: %s", ErrASMap, c.at, fault)
		}
		if end {
			return m, nil
		}
	}
}

// sumOf returns what tells maps apart, zeroes of a nil map.
func (m *ASMap) sumOf() [32]byte {
	if m == nil {
		return [32]byte{}
	}
	return m.sum
}

// lookup returns the number of the system of an IP address, 0 if it is not known.
// Each turn of the loop reads at least a bit of the map.
//
// Source: Interpret, Bitcoin Core v30.0 src/util/asmap.cpp.
func (m *ASMap) lookup(a Addr) uint32 {
	if m == nil || a.kind != IPv4 && a.kind != IPv6 {
		return 0
	}
	ip := a.ip().As16()
	if linked, ok := a.linkedIPv4(); ok {
		ip = linked.As16()
	}
	r := asReader{code: m.code}
	used, fallback := uint32(0), uint32(0)
	for {
		op, ok := r.number(opForm)
		n, fits := r.number(operand(op))
		if !ok || !fits {
			return 0 // Not in a map that was checked.
		}
		switch op {
		case opReturn:
			return n
		case opDefault:
			fallback = n
		case opJump:
			if used >= addrBits {
				return 0
			}
			if bitOf(&ip, used) == 1 {
				r.at += n
			}
			used++
		case opMatch:
			size := uint32(bits.Len32(n)) - 1
			if used+size > addrBits {
				return 0
			}
			for i := range size {
				if bitOf(&ip, used+i) != n>>(size-1-i)&1 {
					return fallback
				}
			}
			used += size
		}
	}
}

// bitOf returns a bit of an address, the highest first.
func bitOf(ip *[16]byte, n uint32) uint32 { return uint32(ip[n/8]>>(7-n%8)) & 1 }

// asReader reads a map bit by bit, the lowest of each byte first.
type asReader struct {
	code []byte
	at   uint32 // In bits: MaxASMapSize has 2^26, and a jump is below 2^31.
}

func (r *asReader) size() uint32 { return uint32(len(r.code)) * 8 }

func (r *asReader) bit() (uint32, bool) {
	if r.at >= r.size() {
		return 0, false
	}
	b := uint32(r.code[r.at/8]>>(r.at%8)) & 1
	r.at++
	return b, true
}

// number reads a number; false if the map ends within it.
//
// Source: DecodeBits, Bitcoin Core v30.0 src/util/asmap.cpp.
func (r *asReader) number(f numberForm) (uint32, bool) {
	value := forms[f].least
	class := uint32(0)
	for class+1 < f.classes() {
		more, ok := r.bit()
		if !ok {
			return 0, false
		}
		if more == 0 {
			break
		}
		value += 1 << f.classBits(class)
		class++
	}
	for n := f.classBits(class); n > 0; n-- {
		b, ok := r.bit()
		if !ok {
			return 0, false
		}
		value += b << (n - 1)
	}
	return value, true
}

// asChecker walks all code of a map once, in order.
type asChecker struct {
	asReader
	jumps   [addrBits]asJump // Each takes a bit of the address, so no more can be open.
	open    int
	left    uint32 // Bits of the address that are left here.
	before  uint32 // The instruction before this.
	partial bool   // A match of less than 8 bits stands in this run of matches.
}

// asJump is a jump whose target is still ahead.
type asJump struct{ target, left uint32 }

// step checks one instruction: at the end of the map it returns true, at a fault its
// name.
func (c *asChecker) step() (end bool, fault string) {
	if c.open > 0 && c.at >= c.jumps[c.open-1].target {
		return false, "a jump leads into the middle of an instruction"
	}
	op, ok := c.number(opForm)
	if !ok {
		return false, "ends within an instruction"
	}
	n, ok := c.number(operand(op))
	if !ok {
		return false, "ends within a number"
	}
	switch op {
	case opReturn:
		return c.returned()
	case opJump:
		fault = c.jumped(n)
	case opMatch:
		fault = c.matched(uint32(bits.Len32(n)) - 1)
	case opDefault:
		if c.before == opDefault {
			fault = "two defaults in a row"
		}
	}
	c.before = op
	return false, fault
}

func (c *asChecker) returned() (end bool, fault string) {
	if c.before == opDefault {
		return false, "a return follows a default"
	}
	if c.open == 0 {
		return true, c.padding()
	}
	c.open--
	if c.at != c.jumps[c.open].target {
		return false, "code is never reached"
	}
	c.left = c.jumps[c.open].left
	c.before = opJump
	return false, ""
}

// padding checks what follows the last instruction: less than a byte, of zeroes.
func (c *asChecker) padding() string {
	if c.size()-c.at > 7 {
		return "goes on after its end"
	}
	for c.at < c.size() {
		if b, _ := c.bit(); b != 0 {
			return "padding is not zero"
		}
	}
	return ""
}

func (c *asChecker) jumped(n uint32) string {
	switch {
	case n > c.size()-c.at:
		return "a jump leads out of the map"
	case c.left == 0:
		return "wants more bits than an address has"
	case c.open > 0 && c.at+n >= c.jumps[c.open-1].target:
		return "jumps cross"
	}
	c.left--
	c.jumps[c.open] = asJump{target: c.at + n, left: c.left}
	c.open++
	return ""
}

func (c *asChecker) matched(size uint32) string {
	if c.before != opMatch {
		c.partial = false
	}
	if size < 8 && c.partial {
		return "two short matches in a row"
	}
	c.partial = size < 8
	if c.left < size {
		return "wants more bits than an address has"
	}
	c.left -= size
	return ""
}
