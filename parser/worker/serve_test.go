package worker_test

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"math"
	"os"
	"slices"
	"testing"

	"golang.org/x/sys/unix"

	"blockgate/internal/btc"
	"blockgate/parser"
	"blockgate/parser/worker"
	"blockgate/sandbox/claim"
	"blockgate/sandbox/frame"
	"blockgate/sandbox/verdict"
)

func block(t *testing.T, file string) []byte {
	t.Helper()
	f, err := os.Open("../../testdata/blocks/" + file + ".gz")
	if err != nil {
		t.Fatal(err)
	}
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(z)
	if err := errors.Join(err, f.Close()); err != nil {
		t.Fatal(err)
	}
	return body
}

// session is a worker and the adapter's end of its socket.
type session struct {
	fd     int
	ring   []byte
	served chan error
}

func start(t *testing.T, slots int) *session {
	t.Helper()
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	s := &session{fd: pair[0], ring: make([]byte, slots*frame.SlotSize), served: make(chan error, 1)}
	go func() {
		s.served <- worker.New().Serve(pair[1], s.ring)
		_ = unix.Close(pair[1])
	}()
	return s
}

// end closes our end and returns what Serve returned.
func (s *session) end() error {
	_ = unix.Close(s.fd)
	return <-s.served
}

func (s *session) send(t *testing.T, message []byte) {
	t.Helper()
	if _, err := unix.Write(s.fd, message); err != nil {
		t.Fatal(err)
	}
}

// ask does one job.
func (s *session) ask(t *testing.T, job frame.Job) claim.Block {
	t.Helper()
	s.send(t, job.Append(nil))
	assembly, buf := frame.Begin(job, nil), make([]byte, frame.MaxMessage+1)
	for done := false; !done; {
		n, err := unix.Read(s.fd, buf)
		if err != nil {
			t.Fatal(err)
		}
		if done, err = assembly.Accept(buf[:n]); err != nil {
			t.Fatal(err)
		}
	}
	return assembly.Block()
}

func TestServe(t *testing.T) {
	s := start(t, 2)
	files := []string{"mainnet_0100001.raw", "mainnet_866342.raw", "synth_3.9M_empty_witness_items.raw", "mainnet_482683.raw"}
	for i, file := range files {
		body := block(t, file)
		slot := uint32(i % 2)
		copy(s.ring[slot*frame.SlotSize:], body)
		job := frame.Job{Kind: frame.KindBlock, Seq: 1 << 60 * uint64(i), Slot: slot, Len: uint32(len(body)), Network: btc.Mainnet, Height: 9}
		want := parser.New().Block(parser.Context{Network: job.Network, Height: job.Height}, body, nil)
		if got := s.ask(t, job); !got.Verdict.Claimed() || got.Verdict != want.Verdict || got.Counts != want.Counts || !slices.Equal(got.Txs, want.Txs) {
			t.Errorf("%s: %s, %d entries, %+v, want %s, %d, %+v", file, got.Verdict, len(got.Txs), got.Counts, want.Verdict, len(want.Txs), want.Counts)
		}
		if want.Counts.Inputs == 0 {
			t.Errorf("%s: nothing was counted", file)
		}
		job.Len--
		if got := s.ask(t, job); got.Verdict != verdict.Truncated || got.Txs != nil {
			t.Errorf("%s cut: %s, %d entries", file, got.Verdict, len(got.Txs))
		}
	}
	if err := s.end(); err != nil {
		t.Errorf("the other end closed: %v", err)
	}
}

// One worker serves both kinds of jobs, in any order.
func TestServeTransactions(t *testing.T) {
	s := start(t, 2)
	body := block(t, "mainnet_482683.raw")
	whole := frame.Job{Kind: frame.KindBlock, Seq: 1, Len: uint32(len(body)), Network: btc.Mainnet, Height: 482_683, MedianTime: math.MaxUint32}
	copy(s.ring, body)
	said := s.ask(t, whole)
	at, sum := btc.HeaderSize+1, claim.Counts{}
	for i, tx := range said.Txs {
		raw := body[at : at+int(tx.Len)]
		at += int(tx.Len)
		copy(s.ring[frame.SlotSize:], raw)
		job := frame.Job{Kind: frame.KindTransaction, Seq: uint64(i + 2), Slot: 1, Len: uint32(len(raw))}
		want := verdict.OK
		if i == 0 {
			want = verdict.Coinbase
		}
		got := s.ask(t, job)
		if got.Verdict != want || !slices.Equal(got.Txs, []claim.Tx{tx}) {
			t.Errorf("transaction %d: %s, %v, want %v", i, got.Verdict, got.Txs, tx)
		}
		sum.Inputs += got.Counts.Inputs
		sum.Outputs += got.Counts.Outputs
		sum.WitnessItems += got.Counts.WitnessItems
		sum.Sigops += got.Counts.Sigops
		job.Len--
		if got := s.ask(t, job); got.Verdict != verdict.Truncated || got.Txs != nil || got.Counts != (claim.Counts{}) {
			t.Errorf("transaction %d cut: %s, %v", i, got.Verdict, got.Txs)
		}
		if again := s.ask(t, whole); !slices.Equal(again.Txs, said.Txs) {
			t.Errorf("the block after transaction %d: %s", i, again.Verdict)
		}
	}
	if sum != said.Counts || sum.Inputs == 0 {
		t.Errorf("transactions have %+v, the block %+v", sum, said.Counts)
	}
	if err := s.end(); err != nil {
		t.Error(err)
	}
}

func TestServeMostTransactions(t *testing.T) {
	s := start(t, 1)
	tx := slices.Concat([]byte{1, 0, 0, 0, 1}, make([]byte, 41), []byte{1}, make([]byte, 13))
	body := append(btc.AppendCompactSize(make([]byte, btc.HeaderSize), btc.MaxBlockTransactions), bytes.Repeat(tx, btc.MaxBlockTransactions)...)
	copy(s.ring, body)
	got := s.ask(t, frame.Job{Kind: frame.KindBlock, Len: uint32(len(body)), Network: btc.Regtest})
	if len(got.Txs) != btc.MaxBlockTransactions {
		t.Errorf("%s, %d entries", got.Verdict, len(got.Txs))
	}
	if err := s.end(); err != nil {
		t.Error(err)
	}
}

// Whatever is no job of this ring ends the worker.
func TestServeEnds(t *testing.T) {
	good := frame.Job{Kind: frame.KindBlock, Len: 100, Network: btc.Mainnet}
	in := func(change func(j *frame.Job)) []byte {
		j := good
		change(&j)
		return j.Append(nil)
	}
	for _, c := range []struct {
		name    string
		message []byte
		want    error
	}{
		{"slot n", in(func(j *frame.Job) { j.Slot = 2 }), worker.ErrRange},
		{"last slot there could be", in(func(j *frame.Job) { j.Slot = 1<<32 - 1 }), worker.ErrRange},
		{"more bytes than a block has", in(func(j *frame.Job) { j.Len = btc.MaxBlockSize + 1 }), frame.ErrJob},
		{"no bytes", in(func(j *frame.Job) { j.Len = 0 }), frame.ErrJob},
		{"a short job", good.Append(nil)[:31], frame.ErrJob},
		{"a long job", append(good.Append(nil), 0), frame.ErrJob},
		{"a very long job", make([]byte, 4096), frame.ErrJob},
		{"another message", frame.Answer{Verdict: verdict.OK, Count: 1}.Append(nil), frame.ErrJob},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := start(t, 2)
			s.send(t, c.message)
			if err := <-s.served; !errors.Is(err, c.want) {
				t.Errorf("got %v, want %v", err, c.want)
			}
			_ = unix.Close(s.fd)
		})
	}
}

func TestServeWithoutSocket(t *testing.T) {
	if err := worker.New().Serve(-1, nil); !errors.Is(err, unix.EBADF) {
		t.Errorf("got %v", err)
	}
}

// The adapter that does not read its answer, and goes, does no harm.
func TestServeAnswerNobodyReads(t *testing.T) {
	s := start(t, 1)
	job := frame.Job{Kind: frame.KindBlock, Len: 100, Network: btc.Mainnet}
	s.send(t, job.Append(nil))
	if err := s.end(); err != nil && !errors.Is(err, unix.EPIPE) && !errors.Is(err, unix.ECONNRESET) {
		t.Errorf("got %v", err)
	}
}
