package worker_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"math"
	"os"
	"slices"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"blockgate/internal/btc"
	"blockgate/internal/sha256d"
	"blockgate/parser"
	"blockgate/parser/worker"
	"blockgate/sandbox/claim"
	"blockgate/sandbox/frame"
	"blockgate/sandbox/pool"
	"blockgate/sandbox/ring"
	"blockgate/sandbox/signet"
	"blockgate/sandbox/verdict"
)

// row is what another program found in a block.
type row struct {
	File    string      `json:"file"`
	Network btc.Network `json:"net"`
	Height  btc.Height  `json:"height"`
	Hash    btc.Hash    `json:"hash"`
	Weight  int         `json:"weight"`
	Count   int         `json:"ntx"`
}

func rows(t *testing.T) map[string]row {
	t.Helper()
	file, err := os.Open("../../testdata/blocks/expected.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]row{}
	for lines := bufio.NewScanner(file); lines.Scan(); {
		var r row
		if err := json.Unmarshal(lines.Bytes(), &r); err != nil {
			t.Fatal(err)
		}
		all[r.File] = r
	}
	if err := file.Close(); err != nil || len(all) < 29 {
		t.Fatalf("%d rows, %v", len(all), err)
	}
	return all
}

// newChecker makes a checker that knows the public signet.
func newChecker() *claim.Checker { return claim.NewChecker(sha256d.New(), signet.Public()) }

// workshop is a pool with workers as they are in the parser process, all but the walls.
// A killed one is ready again at once: what runs here has nothing to forget.
type workshop struct {
	t    *testing.T
	pool *pool.Pool
	ring *ring.Ring
}

func newWorkshop(t *testing.T, workers int) *workshop {
	t.Helper()
	memfd, err := unix.MemfdCreate("ring", unix.MFD_CLOEXEC|unix.MFD_ALLOW_SEALING)
	if err != nil {
		t.Fatal(err)
	}
	w := &workshop{t: t}
	w.ring, err = ring.Create(memfd, 4)
	if err != nil {
		t.Fatal(err)
	}
	reader, err := ring.OpenReader(memfd)
	if err := errors.Join(err, unix.Close(memfd)); err != nil {
		t.Fatal(err)
	}
	cfg := pool.Config{Ring: w.ring, Checker: newChecker, Kill: func(i int, generation uint32, _ frame.Cause) {
		w.pool.Died(i, generation, "killed")
		w.pool.Ready(i, generation+1, "again")
	}}
	var served sync.WaitGroup
	for range workers {
		pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
		if err := errors.Join(err, unix.SetNonblock(pair[0], true)); err != nil {
			t.Fatal(err)
		}
		cfg.Conns = append(cfg.Conns, os.NewFile(uintptr(pair[0]), "worker"))
		served.Go(func() {
			if err := errors.Join(worker.New().Serve(pair[1], reader), unix.Close(pair[1])); err != nil {
				t.Error(err)
			}
		})
	}
	if w.pool, err = pool.New(cfg); err != nil {
		t.Fatal(err)
	}
	for i := range workers {
		w.pool.Ready(i, 1, "sound")
	}
	t.Cleanup(func() {
		_ = w.pool.Close() // ends what Serve reads
		served.Wait()
	})
	return w
}

func (w *workshop) put(r row, body []byte) pool.Job {
	w.t.Helper()
	slot, ok := w.ring.Take()
	if !ok {
		w.t.Fatal("no slot")
	}
	copy(w.ring.Bytes(slot, len(body)), body)
	return pool.Job{
		Slot: slot, Len: len(body), Header: btc.Header(body[:btc.HeaderSize]),
		Context: claim.Context{Network: r.Network, Height: r.Height}, MedianTime: math.MaxUint32,
	}
}

func (w *workshop) check(job pool.Job) (claim.Checked, error) {
	ctx, cancel := context.WithTimeout(w.t.Context(), 20*time.Second)
	defer cancel()
	checked, _, err := w.pool.Check(ctx, job)
	return checked, err
}

// brokenRule is a block that is all that it should be, but for its values.
const brokenRule = "invalid_0074638_70a7ec1c.raw"

// Real blocks through pool and workers, from more goroutines than there are workers.
func TestPoolProvesRealBlocks(t *testing.T) {
	w := newWorkshop(t, 2)
	var wg sync.WaitGroup
	slots := make(chan struct{}, w.ring.Slots())
	all := rows(t)
	for _, want := range all {
		body := block(t, want.File)
		slots <- struct{}{}
		job := w.put(want, body)
		wg.Go(func() {
			c, err := w.check(job)
			if want.File == brokenRule && errors.Is(err, claim.ErrRule) {
				job.Ignored = []verdict.Code{verdict.ValueTooLarge}
				c, err = w.check(job)
			}
			txs, claimErr := claim.DecodeClaim(c.AppendClaim(nil))
			switch inRing := w.ring.Bytes(job.Slot, job.Len); {
			case err != nil || claimErr != nil:
				t.Errorf("%s: %v, %v", want.File, err, claimErr)
			case c.Hash() != want.Hash || c.Weight() != want.Weight || c.TxCount() != want.Count || c.Height() != want.Height || c.Network() != want.Network:
				t.Errorf("%s: another block", want.File)
			case !slices.Equal(txs, parser.New().Block(parser.Context{Network: want.Network, Height: want.Height}, body, nil).Txs):
				t.Errorf("%s: another claim", want.File)
			case &c.Body()[0] != &inRing[0] || len(c.Body()) != len(body):
				t.Errorf("%s: the body is not in its slot", want.File)
			}
			w.ring.Release(job.Slot)
			<-slots
		})
	}
	wg.Wait()
	if got, want := w.pool.Stats(), (pool.Stats{Proven: uint64(len(all)), Broken: 1, Kills: 1}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

// The slowest block for a parser is far from the deadline that is in force.
func TestPoolWorstBlockMeetsTheDeadline(t *testing.T) {
	w := newWorkshop(t, 1)
	body := block(t, "synth_3.9M_empty_witness_items.raw")
	job := w.put(row{Network: btc.Mainnet, Height: 800_000}, body)
	job.Ignored = []verdict.Code{verdict.CoinbaseHeight} // it was made up
	if _, err := w.check(job); err != nil {
		t.Error(err)
	}
}

// A claim stays what it is when its worker has other jobs.
func TestPoolClaimOutlivesTheJob(t *testing.T) {
	w := newWorkshop(t, 1)
	all := rows(t)
	first, err := w.check(w.put(all["mainnet_482683.raw"], block(t, "mainnet_482683.raw")))
	if err != nil {
		t.Fatal(err)
	}
	before := first.AppendClaim(nil)
	if _, err := w.check(w.put(all["mainnet_866342.raw"], block(t, "mainnet_866342.raw"))); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(first.AppendClaim(nil), before) {
		t.Error("the claim changed")
	}
}

func TestPoolRefusesBadBlocks(t *testing.T) {
	w := newWorkshop(t, 1)
	r, body := rows(t)["mainnet_482683.raw"], block(t, "mainnet_482683.raw")
	flipped := slices.Clone(body)
	flipped[len(flipped)-1] ^= 1
	for _, c := range []struct {
		name    string
		ctx     row
		body    []byte
		want    error
		verdict verdict.Code
	}{
		{"cut", r, body[:len(body)-1], pool.ErrMalformed, verdict.Truncated},
		{"a byte more", r, append(slices.Clone(body), 0), pool.ErrMalformed, verdict.Trailing},
		{"a bit flipped", r, flipped, claim.ErrMerkle, 0},
		{"before segwit", row{Network: btc.Mainnet, Height: 1}, body, claim.ErrUnexpectedWitness, 0},
		{"as it is", r, body, nil, 0},
	} {
		job := w.put(c.ctx, c.body)
		_, err := w.check(job)
		var malformed *claim.MalformedError
		if !errors.Is(err, c.want) || errors.As(err, &malformed) && malformed.Verdict != c.verdict {
			t.Errorf("%s: got %v, want %v %s", c.name, err, c.want, c.verdict)
		}
		w.ring.Release(job.Slot)
	}
	if got, want := w.pool.Stats(), (pool.Stats{Proven: 1, Malformed: 2, Unproven: 2, Kills: 4}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}
