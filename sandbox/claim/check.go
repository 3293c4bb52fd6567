package claim

import (
	"fmt"

	"blockgate/internal/btc"
	"blockgate/internal/sha256d"
	"blockgate/sandbox/verdict"
)

// Context is what the rules need to know about a block's place. It comes from
// our own chain of headers, never from a peer or a worker.
type Context struct {
	Network btc.Network
	Height  btc.Height
}

// Checker proves claims. It holds scratch memory that grows to about 1 MB and is
// then used again, so it must not be used by several goroutines at once.
type Checker struct {
	hasher *sha256d.Hasher
	txids  []btc.Hash
	wtxids []btc.Hash
}

// NewChecker returns a checker.
func NewChecker() *Checker {
	return &Checker{hasher: sha256d.New()}
}

// Check proves that body is the block that header commits to, and that said
// describes it; see the package's text for the proof. It looks at nothing but
// hashes, the claimed lengths and the shape of the coinbase.
//
// On success the result aliases body and said.Txs: the caller gives both up until
// it is done with the result. On error it keeps neither, and the error is of one
// of the kinds of this package. No error says anything about the header: the same
// header may have another body, and this body another claim.
//
// It panics if ctx.Network is no network.
func (k *Checker) Check(ctx Context, header btc.Header, body []byte, said Block) (Checked, error) {
	if said.Verdict != verdict.OK {
		return Checked{}, &MalformedError{Verdict: said.Verdict}
	}
	begin, err := checkFrame(header, body, said.Txs)
	if err != nil {
		return Checked{}, err
	}
	stripped, anyWitness, err := checkTiling(body, begin, said.Txs)
	if err != nil {
		return Checked{}, err
	}
	first := split(body[begin:], said.Txs[0])
	commitment, ok := walkCoinbase(first.inputsOutputs)
	if !ok {
		return Checked{}, ErrCoinbase
	}
	if ctx.Height < ctx.Network.Params().SegwitHeight {
		commitment = nil // before, an output that looks like one means nothing
	}
	if commitment == nil && anyWitness {
		return Checked{}, ErrUnexpectedWitness
	}
	k.hash(body[begin:], said.Txs, commitment != nil)
	if err := checkMerkle(k.txids, header.MerkleRoot()); err != nil {
		return Checked{}, err
	}
	if commitment != nil {
		if err := k.checkWitness(commitment, first.witness); err != nil {
			return Checked{}, err
		}
	}
	return Checked{
		header: header, hash: header.Hash(), height: ctx.Height, network: ctx.Network,
		body: body, txs: said.Txs, stripped: stripped,
	}, nil
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

// checkTiling checks that txs tile body from begin to its end, that markers stand
// where a witness is claimed, and the weight. It hashes nothing.
func checkTiling(body []byte, begin int, txs []Tx) (stripped int, anyWitness bool, err error) {
	stripped, at := begin, begin
	for i, tx := range txs {
		if uint64(tx.Len) > uint64(len(body)-at) {
			return 0, false, fmt.Errorf("%w: transaction %d ends behind the block", ErrTiling, i)
		}
		length := int(tx.Len)
		if tx.Witness > 0 {
			if tx.Witness > tx.Len || length < 6 {
				return 0, false, fmt.Errorf("%w: transaction %d is shorter than its witness", ErrTiling, i)
			}
			if body[at+4] != 0 || body[at+5] != 1 {
				return 0, false, fmt.Errorf("%w: transaction %d", ErrMarker, i)
			}
			length -= int(tx.Witness) + 2
			anyWitness = true
		}
		if length < btc.MinTransactionSize {
			return 0, false, fmt.Errorf("%w: transaction %d has %d bytes without its witness", ErrTiling, i, length)
		}
		stripped += length
		at += int(tx.Len)
	}
	if at != len(body) {
		return 0, false, fmt.Errorf("%w: %d bytes are left", ErrTiling, len(body)-at)
	}
	if weight := weightOf(stripped, len(body)); weight > btc.MaxBlockWeight {
		return 0, false, fmt.Errorf("%w: %d weight units", ErrWeight, weight)
	}
	return stripped, anyWitness, nil
}

// parts are the pieces of a transaction. The witness is nil if there is none.
//
//	+---------+------+------+---------------+---------+-----------+
//	| version |  00  |  01  | inputsOutputs | witness | lock time |
//	|    4    | marker, flag |               |         |     4     |
//	+---------+------+------+---------------+---------+-----------+
type parts struct {
	raw, version, inputsOutputs, witness, lockTime []byte
}

// split cuts the transaction off the front of b. Its lengths passed checkTiling.
func split(b []byte, tx Tx) parts {
	p := parts{raw: b[:tx.Len], version: b[:4], lockTime: b[tx.Len-4 : tx.Len], inputsOutputs: b[4 : tx.Len-4]}
	if tx.Witness > 0 {
		end := tx.Len - 4 - tx.Witness
		p.inputsOutputs, p.witness = b[6:end], b[end:tx.Len-4]
	}
	return p
}

// hash fills k.txids, and k.wtxids if they are wanted. The wtxid of the coinbase
// counts as zero (BIP-0141).
func (k *Checker) hash(b []byte, txs []Tx, wtxids bool) {
	k.txids, k.wtxids = k.txids[:0], k.wtxids[:0]
	for i, tx := range txs {
		p := split(b, tx)
		b = b[tx.Len:]
		raw := btc.Hash{}
		if p.witness == nil || wtxids && i > 0 {
			raw = sha256d.Sum(p.raw)
		}
		txid := raw
		if p.witness != nil {
			txid = k.hasher.Sum3(p.version, p.inputsOutputs, p.lockTime)
		}
		k.txids = append(k.txids, txid)
		if i == 0 {
			raw = btc.Hash{}
		}
		if wtxids {
			k.wtxids = append(k.wtxids, raw)
		}
	}
}

func checkMerkle(txids []btc.Hash, want btc.Hash) error {
	root, mutated := sha256d.MerkleRoot(txids)
	switch {
	case root != want:
		return ErrMerkle
	case mutated:
		return ErrMutated
	}
	return nil
}

// checkWitness checks the commitment: the hash of the root of all wtxids and of
// the reserved value, which is the one item of the coinbase's witness.
func (k *Checker) checkWitness(commitment, coinbaseWitness []byte) error {
	if len(coinbaseWitness) != 2+btc.HashSize || coinbaseWitness[0] != 1 || coinbaseWitness[1] != btc.HashSize {
		return ErrCoinbaseWitness
	}
	k.wtxids[0], _ = sha256d.MerkleRoot(k.wtxids) // there already; the list is at least the coinbase
	if k.hasher.Sum3(k.wtxids[0][:], coinbaseWitness[2:], nil) != btc.Hash(commitment) {
		return ErrWitnessCommitment
	}
	return nil
}
