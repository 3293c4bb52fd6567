package node_test

import (
	"crypto/sha256"
	"fmt"
	"net/netip"
	"strings"
	"time"

	"blockgate/adapter/addrbook"
	"blockgate/adapter/node"
	"blockgate/internal/btc"
)

// start is when every test begins: late enough for headers of any test network.
var start = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// mineOn returns a regtest header on parent. Two of three nonces fail, so it
// takes two hashes on average. salt makes siblings differ.
func mineOn(parent btc.Header, salt uint32) btc.Header {
	return mineOnAt(parent, salt, parent.Time()+1)
}

func mineOnAt(parent btc.Header, salt, at uint32) btc.Header {
	f := btc.HeaderFields{
		Version: 4, Prev: parent.Hash(), Time: at, Bits: btc.Regtest.Params().PowLimitBits,
	}
	f.MerkleRoot[0], f.MerkleRoot[1], f.MerkleRoot[2] = byte(salt), byte(salt>>8), byte(salt>>16)
	for target := btc.Regtest.Params().PowLimit; ; f.Nonce++ {
		h := f.Header()
		if hash := h.Hash(); target.Meets(&hash) {
			return h
		}
	}
}

// block is a block of a test's tree of blocks.
type block struct {
	name   string
	header btc.Header
	hash   btc.Hash
	height btc.Height
}

// tree is all blocks of a test, by name: genesis is "g", a branch "a" is a1, a2
// and so on, numbered by height.
type tree struct {
	byName map[string]*block
	byHash map[btc.Hash]*block
}

func newTree() *tree {
	t := &tree{byName: map[string]*block{}, byHash: map[btc.Hash]*block{}}
	t.add("g", btc.Regtest.Params().Genesis, 0)
	return t
}

func (t *tree) add(name string, h btc.Header, height btc.Height) *block {
	b := &block{name, h, h.Hash(), height}
	t.byName[name], t.byHash[b.hash] = b, b
	return b
}

// mine puts count blocks of a branch on a block and returns them.
func (t *tree) mine(branch string, on *block, count int) []*block {
	return t.mineAt(branch, on, count, 0)
}

// mineAt does so with the first block at a time, unless that is 0.
func (t *tree) mineAt(branch string, on *block, count int, at uint32) []*block {
	var mined []*block
	for range count {
		if at == 0 {
			at = on.header.Time() + 1
		}
		salt := uint32(len(t.byName))
		on = t.add(fmt.Sprintf("%s%d", branch, on.height+1), mineOnAt(on.header, salt, at), on.height+1)
		mined = append(mined, on)
		at = 0
	}
	return mined
}

func (t *tree) name(hash btc.Hash) string {
	if b, ok := t.byHash[hash]; ok {
		return b.name
	}
	return "?" + hash.String()[56:]
}

// chainTo returns the blocks from height 1 to tip.
func (t *tree) chainTo(tip *block) []*block {
	chain := make([]*block, tip.height)
	for b := tip; b.height > 0; b = t.byHash[b.header.Prev()] {
		chain[b.height-1] = b
	}
	return chain
}

// headersAfter is the answer of a peer with that tip.
func (t *tree) headersAfter(ask node.GetHeaders, tip *block) node.Event {
	e := node.HeadersReceived{Peer: ask.Peer}
	chain := t.chainTo(tip)
	known := func(hash btc.Hash) btc.Height {
		if b := t.byHash[hash]; b != nil && (b.height == 0 || b.height <= tip.height && chain[b.height-1] == b) {
			return b.height
		}
		return -1
	}
	for _, hash := range ask.Locator {
		if from := known(hash); from >= 0 {
			for _, b := range chain[from:] {
				e.Headers = append(e.Headers, b.header)
			}
			break
		}
	}
	return e
}

func sumOf(text string) [32]byte { return sha256.Sum256([]byte(text)) }

// journal is a journal as the bus keeps it, and the judge of what is put there:
// every broken promise is a complaint.
type journal struct {
	tree   *tree
	base   btc.Height // height below the first block; set by the first connect
	first  btc.Height // of the first connect, which the bus gives for ever
	fresh  *block     // the tip after a reset to base or below
	chain  []*block   // connected now, lowest first
	events []node.Append
	stored map[btc.Hash]bool
	final  btc.Height
	wrong  []string
}

func newJournal(t *tree) *journal { return &journal{tree: t, stored: map[btc.Hash]bool{}} }

func (j *journal) complain(format string, args ...any) {
	j.wrong = append(j.wrong, fmt.Sprintf(format, args...))
}

func (j *journal) tip() *block {
	if len(j.chain) == 0 {
		return j.fresh
	}
	return j.chain[len(j.chain)-1]
}

func (j *journal) append(a node.Append) {
	b := j.tree.byHash[a.Hash]
	if b == nil || a.Prev != b.header.Prev() || a.Header != b.header || a.Height != b.height {
		j.complain("%+v is no block", a)
		return
	}
	if a.Kind == node.Reset {
		j.reset(a)
		return
	}
	if a.Final < j.final {
		j.complain("final falls from %d to %d", j.final, a.Final)
	}
	j.final = a.Final
	tip := j.tip()
	switch {
	case a.Kind == node.Connect && !j.stored[a.Hash]:
		j.complain("connect %s, not stored", b.name)
	case a.Kind == node.Connect && tip == nil:
		j.base, j.first = b.height-1, b.height
		j.chain = append(j.chain, b)
	case a.Kind == node.Connect && tip.hash != a.Prev:
		j.complain("connect %s on %s", b.name, tip.name)
	case a.Kind == node.Connect:
		j.chain = append(j.chain, b)
	case tip == nil || tip.hash != a.Hash:
		j.complain("disconnect %s, not the tip", b.name)
	case b.height <= a.Final:
		j.complain("disconnect %s, final is %d", b.name, a.Final)
	default:
		j.replaced(a)
		j.chain = j.chain[:len(j.chain)-1]
	}
	j.events = append(j.events, a)
}

// reset goes back to a block below what is final: on the chain or where it begins.
func (j *journal) reset(a node.Append) {
	tip := j.tip()
	switch {
	case tip == nil || a.Height >= j.final || a.Final != a.Height:
		j.complain("reset to %d, final %d; final was %d", a.Height, a.Final, j.final)
		return
	case a.Height > j.base && j.chain[a.Height-j.base-1].hash != a.Hash:
		j.complain("reset to %s, which is not on the chain", j.tree.name(a.Hash))
		return
	}
	j.replaced(a)
	j.chain, j.final = j.chain[:max(0, a.Height-j.base)], a.Height
	if a.Height <= j.base {
		j.base, j.fresh = a.Height, j.tree.byHash[a.Hash]
	}
	j.events = append(j.events, a)
}

// replaced checks that all blocks of the branch that a disconnect leads to are
// stored, down to the block that is disconnected.
func (j *journal) replaced(a node.Append) {
	on := map[btc.Hash]bool{}
	for _, b := range j.chain {
		on[b.hash] = true
	}
	for b := j.tree.byHash[a.Best]; b != nil && b.height > min(j.base, a.Height) && !on[b.hash]; b = j.tree.byHash[b.header.Prev()] {
		if !j.stored[b.hash] {
			j.complain("disconnect %s before %s is stored", j.tree.name(a.Hash), b.name)
		}
	}
}

func (j *journal) load() node.JournalLoaded {
	tip := j.tip()
	if tip == nil {
		return node.JournalLoaded{Empty: true}
	}
	return node.JournalLoaded{
		Tip: tip.hash, TipHeight: tip.height, TipHeader: tip.header, Final: j.final, First: j.first,
	}
}

func (j *journal) headerOf(f node.FetchHeader) node.JournalHeader {
	b := j.tree.byHash[f.Hash]
	if b == nil || b.height != f.Height || !j.stored[f.Hash] {
		return node.JournalHeader{Hash: f.Hash, Detail: "no such block"}
	}
	return node.JournalHeader{Hash: f.Hash, Header: b.header, Found: true}
}

// bodies counts what comes in and what leaves.
type bodies struct {
	last node.BodyID
	in   map[node.BodyID]btc.Hash
}

func (b *bodies) take(hash btc.Hash) node.BodyID {
	b.last++
	b.in[b.last] = hash
	return b.last
}

// leave takes a body out and says what is wrong with that.
func (b *bodies) leave(id node.BodyID) string {
	if _, ok := b.in[id]; !ok {
		return fmt.Sprintf("body %d leaves and is not there", id)
	}
	delete(b.in, id)
	return ""
}

// show prints an action in one line.
func (t *tree) show(a node.Action) string {
	names := func(hashes []btc.Hash) string {
		var out []string
		for _, h := range hashes {
			out = append(out, t.name(h))
		}
		return strings.Join(out, " ")
	}
	switch a := a.(type) {
	case node.Dial:
		return fmt.Sprintf("dial %d %v%s", a.Peer, a.Addr, kindNote(a.Kind))
	case node.Disconnect:
		return fmt.Sprintf("disconnect %d %s", a.Peer, a.Reason)
	case node.Ban:
		return fmt.Sprintf("ban %d %v for %v: %s (%s)", a.Peer, a.Addr, a.Until.Sub(start), a.Reason, a.Detail)
	case node.AskAddrs:
		return fmt.Sprintf("getaddr %d", a.Peer)
	case node.GetHeaders:
		return fmt.Sprintf("getheaders %d from %s", a.Peer, t.name(a.Locator[0]))
	case node.GetData:
		return fmt.Sprintf("getdata %d %s", a.Peer, names(a.Hashes))
	case node.KeepHeaders:
		kept := a.Headers
		return fmt.Sprintf("keep %s..%s", t.name(kept[0].Hash()), t.name(kept[len(kept)-1].Hash()))
	case node.GiveUp:
		return fmt.Sprintf("give-up %d", a.Peer)
	case node.Drop:
		return fmt.Sprintf("drop %d", a.Body)
	case node.Store:
		return fmt.Sprintf("store %d %s", a.Body, t.name(a.Hash))
	case node.Append:
		kind := "connect"
		if a.Kind == node.Reset {
			kind = "reset"
		}
		if a.Kind == node.DisconnectBlock {
			kind = "disconnect"
		}
		return fmt.Sprintf("append %s %s best=%s final=%d", kind, t.name(a.Hash), t.name(a.Best), a.Final)
	case node.Forget:
		return "forget " + t.name(a.Hash)
	case node.LoadJournal:
		return "load-journal"
	case node.FetchHeader:
		return fmt.Sprintf("fetch-header %d %s", a.Height, t.name(a.Hash))
	case node.ResolveSeeds:
		return "resolve-seeds"
	case node.OperatorTold:
		return fmt.Sprintf("told %s %q", t.name(a.Hash), a.Refused)
	case node.Alarm:
		return fmt.Sprintf("alarm %s: %s", a.Code, t.rename(a.Detail))
	case node.Fatal:
		return fmt.Sprintf("fatal %s: %s", a.Code, t.rename(a.Detail))
	}
	return t.showTx(a)
}

// rename puts names in place of hashes.
func (t *tree) rename(text string) string {
	words := strings.FieldsFunc(text, func(r rune) bool { return (r < '0' || r > '9') && (r < 'a' || r > 'f') })
	for _, w := range words {
		if hash, err := btc.ParseHash(w); err == nil {
			text = strings.ReplaceAll(text, w, t.name(hash))
		}
	}
	return text
}

func addr(text string) addrbook.Addr { return addrbook.FromAddrPort(netip.MustParseAddrPort(text)) }

func ipv4(a, b, c, d byte, port uint16) addrbook.Addr {
	return addrbook.FromAddrPort(netip.AddrPortFrom(netip.AddrFrom4([4]byte{a, b, c, d}), port))
}

// kindNote tells a dial from the two kinds that need no word.
func kindNote(k node.Kind) string {
	if k == node.Manual || k == node.BlockRelay {
		return ""
	}
	return " " + k.String()
}
