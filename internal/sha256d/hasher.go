package sha256d

import "fmt"

// HeaderSize is the length of a block header in bytes.
const HeaderSize = 80

// Hasher hashes many messages at once, and messages that lie in pieces. It is made
// by [New] or [NewEngine], holds scratch memory that grows with the number of
// messages, and must not be used by several goroutines at once.
type Hasher struct {
	engine   Engine
	runner   runner
	portable portable
}

// runner is what an engine does. The arguments have been checked.
type runner interface {
	messages(out [][Size]byte, base []byte, messages []Message)
	headers(out [][Size]byte, headers []byte)
	// nodes puts the hash of each pair of in into its place in out, which may begin
	// where in does. If in has an odd length, its last hash is its own partner.
	nodes(out, in [][Size]byte)
}

// New returns a hasher that runs the [Best] engine.
func New() *Hasher { return NewEngine(Best()) }

// NewEngine returns a hasher that runs the engine e. It panics if e cannot run
// here; see [Engine.Available] and [ParseEngine].
func NewEngine(e Engine) *Hasher {
	if ok, missing := e.Available(); !ok {
		panic(fmt.Sprintf("sha256d: engine %v: %s", e, missing))
	}
	h := &Hasher{engine: e}
	h.portable.setUp()
	h.runner = h.newRunner()
	return h
}

// Engine returns what the hasher runs.
func (h *Hasher) Engine() Engine { return h.engine }

// Messages puts the double SHA-256 of messages[i], which lies in base, into out[i].
// It keeps none of its arguments, and allocates nothing once it has met as many
// messages.
//
// It panics if out is not as long as messages, if a message does not lie within
// base, and if base is longer than 1 GiB: before it hashes anything.
func (h *Hasher) Messages(out [][Size]byte, base []byte, messages []Message) {
	if len(out) != len(messages) || len(base) > maxBase {
		panic(fmt.Sprintf("sha256d: %d messages for %d hashes, base of %d bytes", len(messages), len(out), len(base)))
	}
	for i := range messages {
		messages[i].check(len(base))
	}
	h.runner.messages(out, base, messages)
}

// Headers puts the double SHA-256 of each of the headers, which lie one behind the
// other, into its place in out. It panics unless headers has 80 bytes for each
// hash of out.
func (h *Hasher) Headers(out [][Size]byte, headers []byte) {
	if len(headers) != HeaderSize*len(out) {
		panic(fmt.Sprintf("sha256d: %d bytes of headers for %d hashes", len(headers), len(out)))
	}
	h.runner.headers(out, headers)
}
