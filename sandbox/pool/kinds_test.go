package pool_test

import (
	"context"
	"errors"
	"slices"
	"testing"

	"blockgate/internal/btc"
	"blockgate/sandbox/claim"
	"blockgate/sandbox/frame"
	"blockgate/sandbox/pool"
	"blockgate/sandbox/ring"
	"blockgate/sandbox/verdict"
)

// saying is small's claim with another verdict and counts.
func saying(code verdict.Code, counts claim.Counts) claim.Block {
	return claim.Block{Txs: smallClaim.Txs, Verdict: code, Counts: counts}
}

// The counts of a worker are handed on as it said them, and the job that it got is of a
// block with its place.
func TestCountsAreHandedOn(t *testing.T) {
	l := newLab(t, 1, patience)
	want := claim.Counts{Inputs: 1, Outputs: 2, WitnessItems: 3, Sigops: 4}
	got := make(chan frame.Job, 1)
	l.liar(func(fd int, job frame.Job) {
		got <- job
		tell(fd, answerOf(job.Seq, saying(verdict.OK, want))...)
	})
	job := l.put()
	checked, counts, err := l.pool.Check(t.Context(), job)
	if err != nil || counts != want || checked.TxCount() != len(smallClaim.Txs) {
		t.Errorf("got %+v, %v", counts, err)
	}
	if asked := <-got; asked.Kind != frame.KindBlock || asked.Network != btc.Mainnet || asked.Height != smallHeight || asked.MedianTime != 1 {
		t.Errorf("asked %+v", asked)
	}
}

// A broken rule on a proven body is claim's error, with the counts; its worker is
// killed, because another one is to be asked.
func TestBrokenRule(t *testing.T) {
	for _, c := range []struct {
		name  string
		said  claim.Block
		spoil func(b []byte)
		want  error
		stats pool.Stats
	}{
		{"proven", saying(verdict.Sigops, claim.Counts{Sigops: 80_004}), func([]byte) {}, claim.ErrRule, pool.Stats{Broken: 1, Kills: 1}},
		{"not proven", saying(verdict.Sigops, claim.Counts{Sigops: 80_004}), func(b []byte) { b[len(b)-1] ^= 1 }, claim.ErrMerkle, pool.Stats{Unproven: 1, Kills: 1}},
		{"contradicted", saying(verdict.CoinbaseMissing, claim.Counts{}), func([]byte) {}, claim.ErrContradiction, pool.Stats{Unproven: 1, Kills: 1}},
		{"more than the bytes hold", saying(verdict.OK, claim.Counts{Inputs: 9288}), func([]byte) {}, pool.ErrWorkerNonsense, pool.Stats{Nonsense: 1, Kills: 1}},
	} {
		l := newLab(t, 1, patience)
		l.liar(func(fd int, job frame.Job) { tell(fd, answerOf(job.Seq, c.said)...) })
		job := l.put()
		c.spoil(l.ring.Bytes(job.Slot, job.Len))
		checked, counts, err := l.pool.Check(t.Context(), job)
		if !errors.Is(err, c.want) || !checked.IsZero() {
			t.Errorf("%s: got %v, want %v", c.name, err, c.want)
		}
		if rule, broken := errors.AsType[*claim.RuleError](err); broken != errors.Is(c.want, claim.ErrRule) || broken && (rule.Code != c.said.Verdict || counts != c.said.Counts) {
			t.Errorf("%s: got %v, %+v", c.name, err, counts)
		}
		if got := l.pool.Stats(); got != c.stats {
			t.Errorf("%s: got %+v, want %+v", c.name, got, c.stats)
		}
		l.mustWait()
		l.pool.Died(0, 1, "killed")
		l.sound(0)
		l.mustProve()
	}
}

// Who does not know a block's height may have the rule ignored that needs it; nothing
// else is ignored with it, not even what is no rule.
func TestIgnored(t *testing.T) {
	for _, c := range []struct {
		said    verdict.Code
		ignored []verdict.Code
		want    error
	}{
		{verdict.CoinbaseHeight, []verdict.Code{verdict.CoinbaseHeight}, nil},
		{verdict.CoinbaseHeight, []verdict.Code{verdict.NonFinal, verdict.CoinbaseHeight}, nil},
		{verdict.NonFinal, []verdict.Code{verdict.CoinbaseHeight}, claim.ErrRule},
		{verdict.CoinbaseHeight, nil, claim.ErrRule},
		{verdict.OK, []verdict.Code{verdict.OK}, nil},
		{verdict.Trailing, []verdict.Code{verdict.Trailing}, pool.ErrMalformed},
	} {
		l := newLab(t, 1, patience)
		said := saying(c.said, claim.Counts{})
		if !c.said.Claimed() {
			said.Txs = nil
		}
		l.liar(func(fd int, job frame.Job) { tell(fd, answerOf(job.Seq, said)...) })
		job := l.put()
		job.Ignored = c.ignored
		if _, err := l.check(job); !errors.Is(err, c.want) {
			t.Errorf("%v, ignoring %v: got %v, want %v", c.said, c.ignored, err, c.want)
		}
	}
}

// What was proven lives as long as its slot: other blocks, proven meanwhile by the same
// worker, do not touch it; a block in its slot does, and loudly.
func TestRoomIsTheSlots(t *testing.T) {
	l := newLab(t, 1, patience)
	l.sound(0)
	job := l.put()
	first, err := l.check(job)
	if err != nil {
		t.Fatal(err)
	}
	want := first.AppendClaim(nil)
	for range 5 {
		l.mustProve()
	}
	if !slices.Equal(first.AppendClaim(nil), want) || first.Tx(0).Len() != int(smallClaim.Txs[0].Len) {
		t.Error("the block changed")
	}
	if _, err := l.check(job); err != nil {
		t.Fatal(err)
	}
	defer func() {
		if recover() == nil {
			t.Error("another block's ids were told")
		}
	}()
	first.Tx(0)
}

// putTx puts transaction i of small into a slot.
func (l *lab) putTx(i int) (job pool.TxJob, raw []byte) {
	l.t.Helper()
	b := body(l.t)
	at := btc.HeaderSize + 1
	for _, tx := range smallClaim.Txs[:i] {
		at += int(tx.Len)
	}
	raw = b[at : at+int(smallClaim.Txs[i].Len)]
	slot, ok := l.ring.Take()
	if !ok {
		l.t.Fatal("no slot")
	}
	copy(l.ring.Bytes(slot, len(raw)), raw)
	return pool.TxJob{Slot: slot, Len: len(raw)}, raw
}

func TestCheckTx(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	const witty = 10 // has a witness
	said := func(code verdict.Code) claim.Block {
		return claim.Block{Txs: smallClaim.Txs[witty : witty+1], Verdict: code, Counts: claim.Counts{Inputs: 2}}
	}
	for _, c := range []struct {
		name string
		said claim.Block
		want error
	}{
		{"sound", said(verdict.OK), nil},
		{"a broken rule", said(verdict.NullPrevout), claim.ErrRule},
		{"malformed", claim.Block{Verdict: verdict.Count}, pool.ErrMalformed},
		{"other lengths", claim.Block{Txs: []claim.Tx{{Len: 60}}, Verdict: verdict.OK}, claim.ErrTiling},
		{"two entries", claim.Block{Txs: smallClaim.Txs[:2], Verdict: verdict.OK}, pool.ErrWorkerNonsense},
	} {
		l := newLab(t, 1, patience)
		asked := make(chan frame.Job, 1)
		l.liar(func(fd int, job frame.Job) {
			asked <- job
			tell(fd, answerOf(job.Seq, c.said)...)
		})
		job, raw := l.putTx(witty)
		tx, counts, err := l.pool.CheckTx(ctx, job)
		if !errors.Is(err, c.want) || (err != nil) != (tx == claim.CheckedTx{}) {
			t.Errorf("%s: got %v, want %v", c.name, err, c.want)
		}
		if err == nil && (tx.Wtxid() != btc.DoubleSHA256(raw) || tx.Len() != len(raw) || tx.Txid() == tx.Wtxid() || counts.Inputs != 2) {
			t.Errorf("%s: %+v, %+v", c.name, tx, counts)
		}
		want := frame.Job{Kind: frame.KindTransaction, Slot: uint32(job.Slot), Len: uint32(len(raw))}
		if got := <-asked; got.Kind != want.Kind || got.Len != want.Len || got.Slot != want.Slot || got.Network != 0 {
			t.Errorf("%s: asked %+v", c.name, got)
		}
		if err == nil {
			continue
		}
		l.mustWait() // it was killed
		if got := l.pool.Stats().Kills; got != 1 {
			t.Errorf("%s: %d kills", c.name, got)
		}
	}
}

func TestCheckTxRefuses(t *testing.T) {
	l := newLab(t, 1, patience)
	for _, n := range []int{-1, 0, btc.MaxBlockSize + 1} {
		if _, _, err := l.pool.CheckTx(t.Context(), pool.TxJob{Slot: ring.Slot(0), Len: n}); !errors.Is(err, claim.ErrSize) {
			t.Errorf("%d bytes: %v", n, err)
		}
	}
	job, _ := l.putTx(1)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, _, err := l.pool.CheckTx(ctx, job); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if err := l.pool.Close(); err != nil {
		t.Fatal(err)
	}
	if _, _, err := l.pool.CheckTx(t.Context(), job); !errors.Is(err, pool.ErrClosed) {
		t.Errorf("got %v", err)
	}
}
