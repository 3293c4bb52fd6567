package pool

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	"blockgate/internal/btc"
	"blockgate/sandbox/claim"
	"blockgate/sandbox/frame"
	"blockgate/sandbox/ring"
	"blockgate/sandbox/verdict"
)

// Config is what a pool is made of.
type Config struct {
	// Conns are our ends of the workers' SOCK_SEQPACKET pairs, in non-blocking
	// mode before they became files. The pool owns and closes them.
	Conns []*os.File
	// Ring is where the blocks are.
	Ring *ring.Ring
	// Checker makes what proves the claims of one worker; it is called once for each.
	Checker func() *claim.Checker
	// Kill has the supervisor kill worker i for a reason, unless it is of another
	// generation by now; [Pool.Died] is called afterwards. It must not wait for
	// that, and may be called from many goroutines.
	Kill func(i int, generation uint32, why frame.Cause)
	// Parallel is how many blocks are worked on at a time. Of the workers beyond, at
	// least [Standby], the last one is the quarantine and the others are spares that
	// have read nothing. 0 means that all work and none stands by: then nobody is
	// asked twice, and suspects share the workers.
	Parallel int
	// Deadline is how long a worker has for a block; 0 means [Deadline].
	Deadline time.Duration
}

// Job is a block to be proven.
type Job struct {
	// Slot holds the block in its first Len bytes. The caller has taken it, does
	// not write to it until Check returns, and keeps it as long as the result is
	// in use.
	Slot ring.Slot
	Len  int
	// Context, Header and MedianTime come from our chain of headers.
	Context    claim.Context
	Header     btc.Header
	MedianTime uint32
	// From is who sent the block, any number but 0, which is nobody. While a worker fails on what somebody
	// sent, the rest of the same is kept from the others' workers.
	From uint64
	// Suspect says that who sent it has sent a body that was not proven: it goes to
	// the quarantine, and is not given to a second worker if that fails.
	Suspect bool
	// Sum is the SHA-256 of the bytes, for [Pool.Settled].
	Sum [32]byte
	// Doubtful, if not nil, is called once at most: when the first worker failed, or has
	// had the block for long, and before that is told by the result. A second worker
	// is asked when the channel that it returns is closed, or after some 200 ms: whoever
	// else has the block may settle meanwhile what these bytes are worth. It must not
	// wait.
	Doubtful func() (alone <-chan struct{})
	// Ignored are broken rules that do not count, for who does not know what it takes
	// to judge them, such as the height. Nil in a service.
	Ignored []verdict.Code
}

// TxJob is a single transaction to be checked. Slot and Len are as in [Job].
type TxJob struct {
	Slot ring.Slot
	Len  int
}

// Stats are counters.
type Stats struct {
	// Proven, Broken, Malformed and Unproven count blocks and transactions by what
	// came of them. Broken are those that are proven and break a rule.
	Proven, Broken, Malformed, Unproven uint64
	// Died, Hung and Nonsense count those that a worker gave no answer on, Other those
	// that ended since other bytes are the block.
	Died, Hung, Nonsense, Other uint64
	// Retried counts blocks that a fresh worker got because the first one failed,
	// Confirmed those of which all agreed that they break a rule, Disagreed those of
	// which they did not.
	Retried, Confirmed, Disagreed uint64
	// Kills counts calls of Config.Kill.
	Kills uint64
}

// Worker is the state of one worker at the time of asking.
type Worker struct {
	// Ready says that it may be given a job, or has one; Busy that it has one; Fresh
	// that it has read nothing since it was started.
	Ready, Busy, Fresh bool
	// Status is what it said when it was last ready, Cause why it last died; both
	// are empty if that never happened.
	Status, Cause string
}

// Pool shares a fixed number of workers among any number of goroutines.
type Pool struct {
	ring     *ring.Ring
	rooms    []claim.Room // by slot: whoever has the slot has the room
	kill     func(i int, generation uint32, why frame.Cause)
	deadline time.Duration
	parallel int
	closed   chan struct{}
	jobs     sync.WaitGroup

	mu         sync.Mutex // guards what follows, and state of every worker
	seq        uint64
	births     uint64 // how often a worker was ready
	stats      Stats
	closing    bool
	workers    []*worker
	quarantine *worker        // the last one, nil if none stands by
	waiting    []*waiter      // in the order in which they came; as many as callers
	trouble    map[uint64]int // by Job.From: blocks on which a worker failed, and a fresh one is asked
	lockup     lockup
	attempts   map[*attempt]bool // of every Check and Watch
	settled    settled
	usual      time.Duration // what it took of late until a worker's word was proven
}

// ErrConfig says that a pool cannot be made of this.
var ErrConfig = errors.New("pool without connections, ring, checkers or kill function, or with too few workers")

// New returns a pool whose workers are all taken to be down until [Pool.Ready].
func New(cfg Config) (*Pool, error) {
	if len(cfg.Conns) == 0 || cfg.Ring == nil || cfg.Checker == nil || cfg.Kill == nil {
		return nil, ErrConfig
	}
	if cfg.Parallel < 0 || cfg.Parallel > 0 && len(cfg.Conns) < cfg.Parallel+Standby {
		return nil, fmt.Errorf("%w: %d workers, want %d to work and %d to stand by", ErrConfig, len(cfg.Conns), cfg.Parallel, Standby)
	}
	if cfg.Deadline == 0 {
		cfg.Deadline = Deadline
	}
	p := &Pool{
		ring: cfg.Ring, rooms: make([]claim.Room, cfg.Ring.Slots()), kill: cfg.Kill, deadline: cfg.Deadline,
		parallel: cfg.Parallel, closed: make(chan struct{}), trouble: map[uint64]int{}, attempts: map[*attempt]bool{},
		settled: settled{sums: map[btc.Hash][32]byte{}},
	}
	// A start that nobody can guess: an answer prepared in an earlier life of the
	// other end never has the number that is due.
	var start [8]byte
	_, _ = rand.Read(start[:]) // it never errs: see its text
	p.seq = binary.LittleEndian.Uint64(start[:])
	for i, file := range cfg.Conns {
		c, err := newConn(file)
		if err != nil {
			return nil, fmt.Errorf("worker %d: %w", i, err)
		}
		p.workers = append(p.workers, &worker{index: i, conn: c, checker: cfg.Checker()})
	}
	if p.parallel == 0 {
		p.parallel = len(p.workers)
	} else {
		p.quarantine = p.workers[len(p.workers)-1]
	}
	return p, nil
}

// Check has the block of job walked by a worker, and proves what it said. It waits
// for a free worker until ctx is done; from then on it takes at most the deadline and
// the time of the proof. Many goroutines may call it.
//
// If workers stand by, a block that a worker gave no answer on is given to a fresh
// one, once, and a [*claim.RuleError] comes back only if two more fresh ones agree;
// that may take three deadlines and the time of two starts.
//
// The result aliases the slot and lives as long as that is taken. Its counts are the
// worker's word. Besides the kinds of claim the errors are [ErrWorkerDied],
// [ErrWorkerHung], [ErrWorkerNonsense], [ErrOther], [ErrDisagree], [ErrNoFresh],
// [ErrClosed] and that of ctx. None but ErrOther blames a peer, and none but those of
// the kind claim.ErrRule says anything about the header.
func (p *Pool) Check(ctx context.Context, job Job) (claim.Checked, claim.Counts, error) {
	if job.Len < 1 || job.Len > btc.MaxBlockSize {
		return claim.Checked{}, claim.Counts{}, fmt.Errorf("%w: %d bytes", claim.ErrSize, job.Len)
	}
	o := p.judge(ctx, job)
	p.count(o.err)
	return o.checked, o.counts, o.err
}

// CheckTx is [Pool.Check] for a single transaction. What is proven of one is what
// claim.Checker.CheckTx says.
func (p *Pool) CheckTx(ctx context.Context, job TxJob) (claim.CheckedTx, claim.Counts, error) {
	if job.Len < 1 || job.Len > btc.MaxBlockSize {
		return claim.CheckedTx{}, claim.Counts{}, fmt.Errorf("%w: %d bytes", claim.ErrSize, job.Len)
	}
	t, err := p.acquire(ctx, waiter{})
	if err != nil {
		return claim.CheckedTx{}, claim.Counts{}, err
	}
	checked, counts, err := t.checkTx(p, job, t.seq)
	p.giveBack(t, err)
	p.count(err)
	return checked, counts, err
}

func (p *Pool) count(err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.stats.count(err)
}

// Ready says that worker i is locked down and waits for jobs; the generation
// tells it from the processes before it, status is what it said about its layers.
// To say it twice changes nothing. It panics if there is no worker i.
func (p *Pool) Ready(i int, generation uint32, status string) {
	p.mu.Lock()
	if w := p.workers[i]; !p.closing {
		if !w.ready || generation != w.generation { // said twice, it is no younger
			p.births++
			w.birth, w.read = p.births, false
		}
		w.ready, w.generation, w.status = true, generation, status
	}
	p.mu.Unlock()
	p.look()
}

// Died says that worker i has ended, and why. A block that it had fails with
// [ErrWorkerDied]; what it left in the socket is thrown away. Of a generation that
// was replaced it changes nothing. It panics if there is no worker i.
func (p *Pool) Died(i int, generation uint32, cause string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	w := p.workers[i]
	if generation < w.generation {
		return
	}
	w.ready, w.condemned, w.cause = false, false, cause
	if w.busy {
		w.died = true
		_ = w.conn.wake() // if it fails the deadline ends the wait
		return
	}
	_, _ = w.conn.drain() // whatever stays behind is found before the next job
}

// Stats returns the counters.
func (p *Pool) Stats() Stats {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.stats
}

// Workers returns the state of every worker, in the order of Config.Conns.
func (p *Pool) Workers() []Worker {
	p.mu.Lock()
	defer p.mu.Unlock()
	states := make([]Worker, len(p.workers))
	for i, w := range p.workers {
		states[i] = Worker{Ready: w.ready && !w.condemned, Busy: w.busy, Fresh: w.ready && !w.read, Status: w.status, Cause: w.cause}
	}
	return states
}

// Close refuses new blocks, waits for those that workers have, at most the
// deadline, and closes the connections. It kills nobody.
func (p *Pool) Close() error {
	p.mu.Lock()
	first := !p.closing
	p.closing = true
	p.mu.Unlock()
	if !first {
		return ErrClosed
	}
	close(p.closed)
	p.jobs.Wait()
	var errs []error
	for _, w := range p.workers {
		errs = append(errs, w.conn.file.Close())
	}
	return errors.Join(errs...)
}
