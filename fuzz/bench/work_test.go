package bench_test

import (
	"crypto/sha256"
	"errors"
	"fmt"

	"github.com/btcsuite/btcd/blockchain"
	"github.com/btcsuite/btcd/btcutil/v2"
	"github.com/btcsuite/btcd/chaincfg/v2"

	"blockgate/fuzz"
	"blockgate/internal/btc"
	"blockgate/internal/sha256d"
	"blockgate/parser"
	"blockgate/sandbox/claim"
)

// whole judges body as the service does: parser, all rules, proof.
func whole(engine sha256d.Engine, at fuzz.Place, body []byte) func() error {
	judge, header := fuzz.NewJudgeWith(engine), btc.Header(body)
	return func() error {
		if got := judge.Block(at, header, body); !got.Accepted() {
			return errors.New(got.Reason)
		}
		return nil
	}
}

// scan runs the parser with all its rules, and hashes nothing.
func scan(at fuzz.Place, body []byte) func() error {
	p, out := parser.New(), make([]claim.Tx, 0, btc.MaxBlockTransactions)
	ctx := parser.Context{Network: at.Network, Height: at.Height, MedianTime: at.MedianTime}
	return func() error {
		if said := p.Block(ctx, body, out); !said.Verdict.Claimed() {
			return errors.New(said.Verdict.Reason())
		}
		return nil
	}
}

// byBtcd decodes body and checks it by btcd's rules that need no other blocks.
func byBtcd(body []byte) func() error {
	clock := blockchain.NewMedianTime()
	limit := chaincfg.MainNetParams.PowLimit
	return func() error {
		block, err := btcutil.NewBlockFromBytes(body)
		if err != nil {
			return err
		}
		if err := blockchain.CheckBlockSanity(block, limit, clock); err != nil {
			return err
		}
		return blockchain.ValidateWitnessCommitment(block)
	}
}

// hashing is the hashes of one block, and nothing else.
type hashing struct {
	body     []byte
	messages []sha256d.Message // the txids' first, then the wtxids' of those with a witness
	count    int               // of transactions
	segwit   bool
	// compressions is how often SHA-256 takes a block of 64 bytes in for all of it.
	compressions int
}

// hashingOf returns the hashes of a block that a judge accepted.
func hashingOf(at fuzz.Place, body []byte) (*hashing, error) {
	got := fuzz.NewJudge().Alone(at, body)
	if !got.Accepted() {
		return nil, fmt.Errorf("refused: %s", got.Reason)
	}
	h := &hashing{body: body, count: got.Checked.TxCount()}
	for _, witness := range []bool{false, true} {
		for i := range h.count {
			tx := got.Checked.Tx(i)
			m := sha256d.Message{Offset: uint32(tx.Offset()), Size: uint32(tx.Len()), Witness: uint32(tx.WitnessLen())}
			switch {
			case !witness:
				h.add(m, tx.StrippedSize())
			case m.Witness > 0:
				m.Witness = 0
				h.segwit = true
				h.add(m, tx.Len())
			}
		}
	}
	trees := 1
	if h.segwit {
		trees = 2
	}
	for nodes := h.count; nodes > 1; nodes = (nodes + 1) / 2 {
		h.compressions += trees * ((nodes + 1) / 2) * compressionsOf(2*sha256d.Size)
	}
	return h, nil
}

func (h *hashing) add(m sha256d.Message, length int) {
	h.messages = append(h.messages, m)
	h.compressions += compressionsOf(length)
}

// compressionsOf counts those of a double hash: blocks of the message with 9 bytes of
// padding at least, and one for the hash of the hash.
func compressionsOf(length int) int { return (length+9+63)/64 + 1 }

// by returns a run of the hashes by an engine: the messages in one batch, and the trees.
func (h *hashing) by(engine sha256d.Engine) func() error {
	hasher := sha256d.NewEngine(engine)
	ids, leaves := make([][sha256d.Size]byte, len(h.messages)), make([][sha256d.Size]byte, h.count)
	return func() error {
		hasher.Messages(ids, h.body, h.messages)
		copy(leaves, ids)
		hasher.MerkleRoot(leaves)
		if h.segwit {
			copy(leaves, ids[len(ids)-h.count:]) // which ids is all one to a tree
			hasher.MerkleRoot(leaves)
		}
		return nil
	}
}

// plainly returns a run of the hashes by crypto/sha256 alone, message by message. The
// messages lie there as they are hashed: nobody has to cut a witness out.
func (h *hashing) plainly() func() error {
	messages := make([][]byte, len(h.messages))
	for i, m := range h.messages {
		whole := h.body[m.Offset:][:m.Size]
		messages[i] = whole
		if m.Witness > 0 {
			end := len(whole) - 4
			messages[i] = append(append(append([]byte{}, whole[:4]...), whole[6:end-int(m.Witness)]...), whole[end:]...)
		}
	}
	nodes := 0
	for n := h.count; n > 1; n = (n + 1) / 2 {
		nodes += (n + 1) / 2
	}
	if h.segwit {
		nodes *= 2
	}
	var pair [2 * sha256d.Size]byte
	return func() error {
		for _, message := range messages {
			first := sha256.Sum256(message)
			pair[0] ^= sha256.Sum256(first[:])[0]
		}
		for range nodes {
			first := sha256.Sum256(pair[:])
			pair[0] ^= sha256.Sum256(first[:])[0]
		}
		return nil
	}
}

// idealMessages messages of idealSize bytes keep all lanes of an engine full: no
// scheduling, no stragglers.
const (
	idealMessages = 128
	idealSize     = 128*64 - 9
)

// ideally returns a run of an engine over a batch that suits it, and how many
// compressions the batch has. It is what the kernel takes for a compression.
func ideally(engine sha256d.Engine) (run func() error, compressions int) {
	hasher := sha256d.NewEngine(engine)
	base, messages := make([]byte, idealMessages*idealSize), make([]sha256d.Message, idealMessages)
	for i := range messages {
		messages[i] = sha256d.Message{Offset: uint32(i * idealSize), Size: idealSize}
	}
	out := make([][sha256d.Size]byte, idealMessages)
	return func() error {
		hasher.Messages(out, base, messages)
		return nil
	}, idealMessages * compressionsOf(idealSize)
}
