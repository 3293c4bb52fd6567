package headerchain_test

import (
	"encoding/json"
	"errors"
	"slices"
	"testing"

	"blockgate/headerchain"
	"blockgate/internal/btc"
)

// bip54Tree is a node of BIP-0054's test vectors: headers, and what stands on the
// last of them.
type bip54Tree struct {
	Headers    []string    `json:"block_headers"`
	Extensions []bip54Tree `json:"extensions"`
	Valid      *bool       `json:"valid"` // under BIP-0054, of a leaf
	Comment    string      `json:"comment"`
}

// bip54Branch is the way from genesis to the last header of one node.
type bip54Branch struct {
	headers []btc.Header
	leaf    bool
	comment string
}

func bip54Branches(t *testing.T) []bip54Branch {
	t.Helper()
	type step struct {
		tree  bip54Tree
		below []btc.Header
	}
	var root bip54Tree
	if err := json.Unmarshal(proofFile(t, "bip54_timestamps.json.gz"), &root); err != nil {
		t.Fatal(err)
	}
	var branches []bip54Branch
	for queue := []step{{tree: root}}; len(queue) > 0; queue = queue[1:] {
		at := queue[0]
		headers := slices.Clip(at.below)
		for _, text := range at.tree.Headers {
			headers = append(headers, proofHeaders(t, text)...)
		}
		for _, tree := range at.tree.Extensions {
			queue = append(queue, step{tree, headers})
		}
		branches = append(branches, bip54Branch{headers, at.tree.Valid != nil, at.tree.Comment})
	}
	return branches
}

// H05: the rules of today accept each of these chains, those too that BIP-0054 would
// refuse: it is not in force on any network.
func TestBIP54ChainsKeepTodaysRules(t *testing.T) {
	leaves := 0
	for _, branch := range bip54Branches(t) {
		c := headerchain.New(btc.Mainnet)
		for rest := range slices.Chunk(branch.headers[1:], btc.MaxHeaders) {
			mustAccept(t, c, rest...)
		}
		best, last := c.Best(), branch.headers[len(branch.headers)-1]
		if best.Hash != last.Hash() || int(best.Height) != len(branch.headers)-1 {
			t.Errorf("%s: tip %v at %d", branch.comment, best.Hash, best.Height)
		}
		if best.Work.Cmp(btc.Mainnet.Params().MinimumChainWork) >= 0 {
			t.Errorf("%s: work %v is that of the real chain", branch.comment, best.Work)
		}
		if branch.leaf {
			leaves++
		}
	}
	if leaves != 9 {
		t.Errorf("%d chains", leaves)
	}
}

// H01, H02: the real chain has more work, so none of them is best beside it: not after it,
// and not for long before it.
func TestBIP54ChainsNeverWin(t *testing.T) {
	run := realRuns[0]
	honest := loadHeaders(t, run.file)
	branches := bip54Branches(t)
	after := headerchain.New(btc.Mainnet)
	for part := range slices.Chunk(honest[1:], btc.MaxHeaders) {
		mustAccept(t, after, part...)
	}
	before := headerchain.New(btc.Mainnet)
	for _, branch := range branches {
		for part := range slices.Chunk(branch.headers[1:], btc.MaxHeaders) {
			mustAccept(t, before, part...)
			done, err := after.Accept(part, farFuture)
			if done.TipMoved || after.Best().Hash.String() != run.tip {
				t.Fatalf("%s: tip %v", branch.comment, after.Best().Hash)
			}
			if err != nil { // no rule is broken: only a limit on work may stand here
				wantNoRule(t, branch.comment, err)
				break
			}
		}
	}
	for part := range slices.Chunk(honest[1:], btc.MaxHeaders) {
		mustAccept(t, before, part...)
	}
	if best := before.Best(); best.Hash.String() != run.tip {
		t.Errorf("tip %v at %d", best.Hash, best.Height)
	}
	mustHold(t, before)
	mustHold(t, after)
}

// H01: asked for the work of the real chain first, a peer with one of them gets no
// header into memory that stays: it is refused for want of work, by no rule.
func TestBIP54ChainsLackWork(t *testing.T) {
	for _, branch := range bip54Branches(t) {
		c := headerchain.New(btc.Mainnet)
		chain := branch.headers[1:]
		claim, err := c.Weigh(chain[:min(len(chain), btc.MaxHeaders)])
		minimum := c.WorkThreshold(btc.Mainnet.Params().MinimumChainWork)
		if err != nil || claim.Work.Cmp(minimum) >= 0 {
			t.Fatalf("%s: %+v, %v", branch.comment, claim, err)
		}
		p := c.NewPresync(c.Base().Hash, minimum, presyncClock, [32]byte{})
		out, err := feed(p, chain, chain)
		if !errors.Is(err, headerchain.ErrPresyncShort) || len(out) != 0 || c.Len() != 1 {
			t.Errorf("%s: %d headers, %v", branch.comment, len(out), err)
		}
	}
}

func wantNoRule(t *testing.T, what string, err error) {
	t.Helper()
	for _, kind := range []error{
		headerchain.ErrTarget, headerchain.ErrHighHash, headerchain.ErrDiscontinuous, headerchain.ErrBits,
		headerchain.ErrTimeTooOld, headerchain.ErrTimewarp, headerchain.ErrTimeTooNew, headerchain.ErrVersion,
	} {
		if errors.Is(err, kind) {
			t.Errorf("%s: %v", what, err)
		}
	}
}
