package pool_test

import (
	"compress/gzip"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"blockgate/internal/btc"
	"blockgate/internal/sha256d"
	"blockgate/sandbox/claim"
	"blockgate/sandbox/frame"
	"blockgate/sandbox/pool"
	"blockgate/sandbox/ring"
	"blockgate/sandbox/verdict"
)

// patience bounds waits that must not end by themselves in a sound run.
const patience = 20 * time.Second

// small is a real segwit block, and what a sound worker says of it.
const (
	small       = "mainnet_482683.raw"
	smallHash   = "000000000000000000c238240ef6dcb26c37e75e16514e6ffc0aef7eee73e747"
	smallHeight = 482_683
)

var smallClaim = claim.Block{Verdict: verdict.OK, Txs: []claim.Tx{
	{Len: 217, Witness: 34},
	{Len: 815, Witness: 0},
	{Len: 192, Witness: 0},
	{Len: 259, Witness: 0},
	{Len: 223, Witness: 0},
	{Len: 1223, Witness: 0},
	{Len: 486, Witness: 0},
	{Len: 665, Witness: 0},
	{Len: 3176, Witness: 0},
	{Len: 225, Witness: 0},
	{Len: 1223, Witness: 441},
	{Len: 503, Witness: 0},
}}

// body returns the bytes of small.
func body(t *testing.T) []byte {
	t.Helper()
	f, err := os.Open(filepath.Clean("../../testdata/blocks/" + small + ".gz"))
	if err != nil {
		t.Fatal(err)
	}
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(z)
	if err := errors.Join(err, f.Close()); err != nil {
		t.Fatal(err)
	}
	return b
}

// answerOf are the messages of a worker with this to say.
func answerOf(seq uint64, said claim.Block) [][]byte {
	all := [][]byte{frame.Answer{Seq: seq, Verdict: said.Verdict, Count: len(said.Txs), Counts: said.Counts}.Append(nil)}
	for next := 0; next < len(said.Txs); {
		var chunk []byte
		chunk, next = frame.AppendChunk(nil, seq, said.Txs, next)
		all = append(all, chunk)
	}
	return all
}

// lab is a pool, and in place of the supervisor and its processes the test: it holds
// the workers' ends, which stay open when a worker ends, as in the real thing. The
// real workers meet the pool in the tests of package worker.
type lab struct {
	t      *testing.T
	pool   *pool.Pool
	ring   *ring.Ring
	ends   []int // the workers' ends
	served sync.WaitGroup

	mu      sync.Mutex
	killed  []kill
	born    map[int]uint32 // how many processes of a worker have ended
	respawn bool           // a killed worker dies and is ready again at once
}

func newLab(t *testing.T, workers int, deadline time.Duration) *lab {
	t.Helper()
	return newLabWith(t, workers, 0, deadline)
}

// newLabWith is newLab with so many workers that work at a time; the rest stand by.
func newLabWith(t *testing.T, workers, parallel int, deadline time.Duration) *lab {
	t.Helper()
	memfd, err := unix.MemfdCreate("ring", unix.MFD_CLOEXEC|unix.MFD_ALLOW_SEALING)
	if err != nil {
		t.Fatal(err)
	}
	l := &lab{t: t, born: map[int]uint32{}}
	l.ring, err = ring.Create(memfd, 8)
	if err := errors.Join(err, unix.Close(memfd)); err != nil {
		t.Fatal(err)
	}
	cfg := pool.Config{Ring: l.ring, Checker: newChecker, Kill: l.kill, Deadline: deadline, Parallel: parallel}
	for range workers {
		pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			t.Fatal(err)
		}
		if err := unix.SetNonblock(pair[0], true); err != nil {
			t.Fatal(err)
		}
		cfg.Conns = append(cfg.Conns, os.NewFile(uintptr(pair[0]), "worker"))
		l.ends = append(l.ends, pair[1])
	}
	if l.pool, err = pool.New(cfg); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = l.pool.Close() // ends what Serve reads
		l.served.Wait()
		for _, fd := range l.ends {
			_ = unix.Close(fd)
		}
	})
	return l
}

// newChecker makes a checker for blocks of mainnet.
func newChecker() *claim.Checker { return claim.NewChecker(sha256d.New(), nil) }

// kill is a call of the pool's kill function.
type kill struct {
	worker     int
	generation uint32
	why        frame.Cause
}

func (l *lab) kill(i int, generation uint32, why frame.Cause) {
	l.mu.Lock()
	l.killed = append(l.killed, kill{i, generation, why})
	respawn := l.respawn
	l.born[i] = generation
	l.mu.Unlock()
	if respawn {
		l.pool.Died(i, generation, "killed")
		l.pool.Ready(i, generation+1, "again")
	}
}

func (l *lab) kills() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.killed)
}

// sound runs a worker behind socket i that says the truth about small, and calls it
// ready.
func (l *lab) sound(i int) {
	l.served.Go(func() {
		for job, ok := l.next(i); ok; job, ok = l.next(i) {
			tell(l.ends[i], answerOf(job.Seq, smallClaim)...)
		}
	})
	l.pool.Ready(i, 1, "sound")
}

// liar runs script behind the first socket with the first job that comes, and calls it
// ready: a worker that was taken over.
func (l *lab) liar(script func(fd int, job frame.Job)) {
	l.served.Go(func() {
		if job, ok := l.next(0); ok {
			script(l.ends[0], job)
		}
	})
	l.pool.Ready(0, 1, "liar")
}

// next returns the next job that comes to worker i, false if the pool was closed.
func (l *lab) next(i int) (frame.Job, bool) {
	request := make([]byte, frame.JobSize+1)
	n, err := unix.Read(l.ends[i], request)
	if err != nil || n == 0 {
		return frame.Job{}, false
	}
	job, err := frame.DecodeJob(request[:n])
	if err != nil {
		l.t.Errorf("worker %d got no job: %v", i, err)
		return frame.Job{}, false
	}
	return job, true
}

// tell writes messages without waiting; what does not fit is lost.
func tell(fd int, messages ...[]byte) {
	for _, m := range messages {
		_ = unix.Sendto(fd, m, unix.MSG_DONTWAIT|unix.MSG_NOSIGNAL, nil)
	}
}

// put takes a slot, fills it with small and returns the job for it.
func (l *lab) put() pool.Job {
	l.t.Helper()
	slot, ok := l.ring.Take()
	if !ok {
		l.t.Fatal("no slot")
	}
	b := body(l.t)
	copy(l.ring.Bytes(slot, len(b)), b)
	return pool.Job{
		Slot: slot, Len: len(b), Header: btc.Header(b[:btc.HeaderSize]),
		Context: claim.Context{Network: btc.Mainnet, Height: smallHeight}, MedianTime: 1,
	}
}

func (l *lab) check(job pool.Job) (claim.Checked, error) {
	ctx, cancel := context.WithTimeout(l.t.Context(), patience)
	defer cancel()
	checked, _, err := l.pool.Check(ctx, job)
	return checked, err
}

// mustProve checks that a good block gets through, now.
func (l *lab) mustProve() {
	l.t.Helper()
	job := l.put()
	defer l.ring.Release(job.Slot)
	if checked, err := l.check(job); err != nil || checked.Hash().String() != smallHash {
		l.t.Errorf("a good block: %v", err)
	}
}

// mustWait checks that no worker is free.
func (l *lab) mustWait() {
	l.t.Helper()
	job := l.put()
	defer l.ring.Release(job.Slot)
	ctx, cancel := context.WithTimeout(l.t.Context(), 20*time.Millisecond)
	defer cancel()
	if _, _, err := l.pool.Check(ctx, job); !errors.Is(err, context.DeadlineExceeded) {
		l.t.Errorf("a worker was free: %v", err)
	}
}
