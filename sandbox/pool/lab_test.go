package pool_test

import (
	"bufio"
	"compress/gzip"
	"context"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"blockgate/internal/btc"
	"blockgate/parser/worker"
	"blockgate/sandbox/claim"
	"blockgate/sandbox/frame"
	"blockgate/sandbox/pool"
	"blockgate/sandbox/ring"
)

const corpus = "../../testdata/blocks/"

// patience bounds waits that must not end by themselves in a sound run.
const patience = 20 * time.Second

// row is what another program found in a block.
type row struct {
	File    string      `json:"file"`
	Network btc.Network `json:"net"`
	Height  btc.Height  `json:"height"`
	Hash    btc.Hash    `json:"hash"`
	Size    int         `json:"size"`
	Weight  int         `json:"weight"`
	Count   int         `json:"ntx"`
}

func rows(t *testing.T) map[string]row {
	t.Helper()
	file, err := os.Open(filepath.Clean(corpus + "expected.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	all := map[string]row{}
	for lines := bufio.NewScanner(file); lines.Scan(); {
		var r row
		if err := json.Unmarshal(lines.Bytes(), &r); err != nil {
			t.Fatal(err)
		}
		all[r.File] = r
	}
	return all
}

func block(t *testing.T, file string) []byte {
	t.Helper()
	f, err := os.Open(filepath.Clean(corpus + file + ".gz"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	return body
}

// lab is a pool, and in place of the supervisor and its processes the test: it holds
// the workers' ends, which stay open when a worker ends, as in the real thing.
type lab struct {
	t      *testing.T
	pool   *pool.Pool
	ring   *ring.Ring
	reader []byte // as a worker sees the ring
	ends   []int  // the workers' ends
	served sync.WaitGroup

	mu      sync.Mutex
	killed  []int
	respawn bool // a killed worker dies and is ready again at once
}

func newLab(t *testing.T, workers int, deadline time.Duration) *lab {
	t.Helper()
	memfd, err := unix.MemfdCreate("ring", unix.MFD_CLOEXEC|unix.MFD_ALLOW_SEALING)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(memfd)
	l := &lab{t: t}
	if l.ring, err = ring.Create(memfd, 4); err != nil {
		t.Fatal(err)
	}
	if l.reader, err = ring.OpenReader(memfd); err != nil {
		t.Fatal(err)
	}
	cfg := pool.Config{Ring: l.ring, Kill: l.kill, Deadline: deadline}
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

func (l *lab) kill(i int) {
	l.mu.Lock()
	l.killed = append(l.killed, i)
	respawn := l.respawn
	l.mu.Unlock()
	if respawn {
		l.pool.Died(i, "killed")
		l.pool.Ready(i, "again")
	}
}

func (l *lab) kills() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.killed)
}

// honest runs the real worker behind socket i and calls it ready.
func (l *lab) honest(i int) {
	l.served.Go(func() {
		if err := worker.Serve(l.ends[i], l.reader); err != nil {
			l.t.Errorf("worker %d: %v", i, err)
		}
	})
	l.pool.Ready(i, "honest")
}

// liar runs script behind socket i with the first job that comes, and calls it ready.
// What it gets is how a process that was taken over would see the world.
func (l *lab) liar(i int, script func(fd int, job frame.Job)) {
	fd := l.ends[i]
	l.served.Go(func() {
		request := make([]byte, frame.JobSize)
		if n, err := unix.Read(fd, request); err != nil || n == 0 {
			return
		}
		job, err := frame.DecodeJob(request)
		if err != nil {
			l.t.Error(err)
			return
		}
		script(fd, job)
	})
	l.pool.Ready(i, "liar")
}

// tell writes messages without waiting; what does not fit is lost.
func tell(fd int, messages ...[]byte) {
	for _, m := range messages {
		_ = unix.Sendto(fd, m, unix.MSG_DONTWAIT|unix.MSG_NOSIGNAL, nil)
	}
}

// put takes a slot, fills it with the block and returns the job for it, under the
// header that the row says.
func (l *lab) put(r row, body []byte) pool.Job {
	l.t.Helper()
	slot, ok := l.ring.Take()
	if !ok {
		l.t.Fatal("no slot")
	}
	copy(l.ring.Bytes(slot, len(body)), body)
	return pool.Job{
		Slot: slot, Len: len(body), Header: btc.Header(body[:btc.HeaderSize]),
		Context: claim.Context{Network: r.Network, Height: r.Height}, MedianTime: 1,
	}
}

func (l *lab) check(job pool.Job) (claim.Checked, error) {
	ctx, cancel := context.WithTimeout(l.t.Context(), patience)
	defer cancel()
	return l.pool.Check(ctx, job)
}

// mustProve checks that a good block gets through, now.
func (l *lab) mustProve() {
	l.t.Helper()
	job := l.put(rows(l.t)[small], block(l.t, small))
	defer l.ring.Release(job.Slot)
	if checked, err := l.check(job); err != nil || checked.Hash() != rows(l.t)[small].Hash {
		l.t.Errorf("a good block: %v", err)
	}
}

// mustWait checks that no worker is free.
func (l *lab) mustWait() {
	l.t.Helper()
	job := l.put(rows(l.t)[small], block(l.t, small))
	defer l.ring.Release(job.Slot)
	ctx, cancel := context.WithTimeout(l.t.Context(), 20*time.Millisecond)
	defer cancel()
	if _, err := l.pool.Check(ctx, job); err != context.DeadlineExceeded { //nolint:errorlint // it is handed on as it is
		l.t.Errorf("a worker was free: %v", err)
	}
}

const (
	small = "mainnet_482683.raw"
	big   = "mainnet_866342.raw"
	worst = "synth_3.9M_empty_witness_items.raw"
)
