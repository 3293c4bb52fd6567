package claim

import (
	"fmt"
	"slices"

	"blockgate/internal/btc"
	"blockgate/internal/sha256d"
	"blockgate/sandbox/verdict"
)

// Checker proves claims. It holds scratch memory that grows to about 1 MB and is
// then used again, so it must not be used by several goroutines at once.
type Checker struct {
	hasher    *sha256d.Hasher
	challenge Challenge
	fold      [][sha256d.Size]byte // a tree that is being folded
	room      Room                 // of CheckTx
}

// NewChecker returns a checker that hashes with hasher, which it owns from then on.
// Challenge is that of the signet, nil if no block of a signet is to be checked.
func NewChecker(hasher *sha256d.Hasher, challenge Challenge) *Checker {
	return &Checker{hasher: hasher, challenge: challenge}
}

// Check proves that body is the block that header commits to, and that said
// describes it; see the package's text for the proof. Then it judges the rules that
// need nothing but the lengths and the coinbase. It looks at nothing else.
//
// On success the result aliases body, and lives in room: the caller gives both up
// until it is done with the result. On error it keeps neither. An error of the kind
// [ErrRule] says that the body is proven and breaks a rule: no other body can be
// better. Any other speaks of this body together with this claim, and not of the
// header: the same header may have another body, and this body another claim.
//
// It panics if ctx.Network is no network, or a signet and there is no challenge.
func (k *Checker) Check(ctx Context, header btc.Header, body []byte, said Block, room *Room) (Checked, error) {
	if !said.Verdict.Claimed() {
		return Checked{}, &MalformedError{Verdict: said.Verdict}
	}
	begin, err := checkFrame(header, body, said.Txs)
	if err != nil {
		return Checked{}, err
	}
	stripped, err := room.tile(body, begin, said.Txs)
	if err != nil {
		return Checked{}, err
	}
	coinbase, ok := walkCoinbase(body[begin:begin+int(said.Txs[0].Len)], said.Txs[0].Witness)
	if ctx.Height < ctx.Network.Params().SegwitHeight {
		coinbase.commitment = nil // before, an output that looks like one means nothing
	}
	k.hash(body, room)
	if err := k.checkMerkle(header.MerkleRoot(), room.txids()); err != nil {
		return Checked{}, err
	}
	switch {
	case !ok:
		return Checked{}, ErrCoinbase
	case coinbase.commitment != nil:
		err = k.checkWitness(coinbase, room.wtxids())
	case stripped != len(body):
		err = ErrUnexpectedWitness
	}
	if err != nil {
		return Checked{}, err
	}
	c := Checked{header: header, hash: header.Hash(), context: ctx, body: body, stripped: stripped, commits: coinbase.commitment != nil, room: room, round: room.round}
	if err := k.checkRules(c, coinbase, said.Verdict); err != nil {
		return Checked{}, err
	}
	return c, nil
}

// CheckTx proves of one transaction what needs no block: its hashes and its sizes,
// by the lengths that said has. Wtxid and size are those of raw whatever said has;
// the txid is that of raw if the witness begins where said has it, and whoever
// knows the txid that he wants knows by it that it does.
//
// The errors are [ErrMalformed], [ErrSize], [ErrCount], [ErrTiling], [ErrMarker] and
// [ErrRule].
func (k *Checker) CheckTx(raw []byte, said Block) (CheckedTx, error) {
	switch {
	case !said.Verdict.Claimed():
		return CheckedTx{}, &MalformedError{Verdict: said.Verdict}
	case len(raw) > btc.MaxBlockSize:
		return CheckedTx{}, fmt.Errorf("%w: %d bytes", ErrSize, len(raw))
	case len(said.Txs) != 1:
		return CheckedTx{}, fmt.Errorf("%w: one transaction, claim %d", ErrCount, len(said.Txs))
	}
	if _, err := k.room.tile(raw, 0, said.Txs); err != nil {
		return CheckedTx{}, err
	}
	k.hash(raw, &k.room)
	if said.Verdict.Rule() {
		return CheckedTx{}, &RuleError{Code: said.Verdict}
	}
	return k.room.tx(0), nil
}

// checkFrame checks what stands before the transactions, and returns where they
// begin.
func checkFrame(header btc.Header, body []byte, txs []Tx) (begin int, err error) {
	if len(body) < btc.HeaderSize+1+btc.MinTransactionSize || len(body) > btc.MaxBlockSize {
		return 0, fmt.Errorf("%w: %d bytes", ErrSize, len(body))
	}
	if btc.Header(body[:btc.HeaderSize]) != header {
		return 0, ErrHeader
	}
	count, size, err := btc.CompactSize(body[btc.HeaderSize:])
	if err != nil {
		return 0, fmt.Errorf("%w: %w", ErrCount, err)
	}
	if count != uint64(len(txs)) || count == 0 || count > btc.MaxBlockTransactions {
		return 0, fmt.Errorf("%w: block says %d, claim %d", ErrCount, count, len(txs))
	}
	return btc.HeaderSize + size, nil
}

// tile notes where txs lie, and checks that they tile body from begin to its end and
// that markers stand where a witness is claimed. It returns the size of body without
// any witness, and hashes nothing.
func (r *Room) tile(body []byte, begin int, txs []Tx) (stripped int, err error) {
	r.round++
	r.messages = r.messages[:0]
	stripped, at := begin, begin
	for i, tx := range txs {
		size := int64(tx.Len)
		if tx.Witness > 0 {
			size -= markerSize + int64(tx.Witness)
		}
		switch {
		case int64(tx.Len) > int64(len(body)-at):
			return 0, fmt.Errorf("%w: transaction %d ends behind the bytes", ErrTiling, i)
		case size < btc.MinTransactionSize:
			return 0, fmt.Errorf("%w: transaction %d has %d bytes without its witness", ErrTiling, i, size)
		case tx.Witness > 0 && (body[at+versionSize] != 0 || body[at+versionSize+1] != 1):
			return 0, fmt.Errorf("%w: transaction %d", ErrMarker, i)
		}
		r.messages = append(r.messages, sha256d.Message{Offset: uint32(at), Size: tx.Len, Witness: tx.Witness})
		stripped += int(size)
		at += int(tx.Len)
	}
	if at != len(body) {
		return 0, fmt.Errorf("%w: %d bytes are left", ErrTiling, len(body)-at)
	}
	return stripped, nil
}

// hash fills the ids of room: all hashes are computed in one batch, txids first,
// and the wtxids are then spread from its end. What has no witness has its txid.
func (k *Checker) hash(body []byte, room *Room) {
	count := len(room.messages)
	for _, m := range room.messages {
		if m.Witness > 0 {
			room.messages = append(room.messages, sha256d.Message{Offset: m.Offset, Size: m.Size})
		}
	}
	all := len(room.messages)
	room.ids = slices.Grow(room.ids[:0], 2*count)[:2*count]
	k.hasher.Messages(room.ids[:all], body, room.messages)
	for i, last := count-1, all-1; i >= 0; i-- { // last <= count+i: nothing is overwritten before it is read
		from := i
		if room.messages[i].Witness > 0 {
			from, last = last, last-1
		}
		room.ids[count+i] = room.ids[from]
	}
	room.messages = room.messages[:count]
}

// root returns the root of the tree with first in the place of leaves[0].
func (k *Checker) root(first [sha256d.Size]byte, leaves [][sha256d.Size]byte) (root [sha256d.Size]byte, mutated bool) {
	k.fold = append(append(k.fold[:0], first), leaves[1:]...)
	return k.hasher.MerkleRoot(k.fold)
}

func (k *Checker) checkMerkle(want btc.Hash, txids [][sha256d.Size]byte) error {
	root, mutated := k.root(txids[0], txids)
	switch {
	case root != want:
		return ErrMerkle
	case mutated:
		return ErrMutated
	}
	return nil
}

// checkWitness checks the commitment: the hash of the root of all wtxids, the
// coinbase's counting as zero, and of the reserved value, which is the one item of
// the coinbase's witness (BIP-0141).
func (k *Checker) checkWitness(c coinbase, wtxids [][sha256d.Size]byte) error {
	if len(c.witness) != 2+btc.HashSize || c.witness[0] != 1 || c.witness[1] != btc.HashSize {
		return ErrCoinbaseWitness
	}
	pair := make([]byte, 0, 2*btc.HashSize)
	root, _ := k.root(btc.Hash{}, wtxids)
	if btc.DoubleSHA256(append(append(pair, root[:]...), c.witness[2:]...)) != btc.Hash(c.commitment) {
		return ErrWitnessCommitment
	}
	return nil
}

// checkRules judges a body that is proven, in Bitcoin Core's order, but that a rule
// that is proven to be broken goes before a worker's word for another one.
func (k *Checker) checkRules(c Checked, first coinbase, said verdict.Code) error {
	if c.context.Network == btc.Signet && c.header != btc.Signet.Params().Genesis {
		if err := k.checkSolution(c); err != nil {
			return err
		}
	}
	switch {
	case c.stripped*btc.WitnessScaleFactor > btc.MaxBlockWeight:
		return fmt.Errorf("%w: %d bytes", ErrLength, c.stripped)
	case first.script < minCoinbaseScript || first.script > maxCoinbaseScript:
		return fmt.Errorf("%w: %d bytes", ErrCoinbaseLength, first.script)
	case said == verdict.CoinbaseMissing || said == verdict.CoinbaseLength || said == verdict.Coinbase:
		return fmt.Errorf("%w: %s", ErrContradiction, said)
	case said.Rule():
		return &RuleError{Code: said}
	case c.Weight() > btc.MaxBlockWeight:
		return fmt.Errorf("%w: %d weight units", ErrWeight, c.Weight())
	}
	return nil
}
