package simnet

import (
	"io"
	"math/rand/v2"
	"time"

	"blockgate/adapter/addrbook"
	"blockgate/adapter/node"
	"blockgate/headerchain"
	"blockgate/internal/btc"
)

// Report is what came of a run. All of it depends on the seed and the code alone.
type Report struct {
	// Wrong is what went wrong, empty if nothing did.
	Wrong []string
	// Tail is the end of the transcript, if one was written.
	Tail []string
	// Digest is of all events, in order: two runs with the same one did the same.
	Digest uint64
	// Peers, Hostile and Blocks say what the run was about: peers, how many of them
	// hostile, and blocks that had to be published.
	Peers, Hostile, Blocks int
	// Steps is how many events the brain saw, Actions how many actions it answered with,
	// Requests how many messages went out, Asked how many blocks they asked for.
	Steps, Actions, Requests, Asked int
	// MostAsked is how often the block was asked for that was asked for most.
	MostAsked int
	// Bans is how many addresses were banned.
	Bans int
	// Synced is how long it took to publish the honest chain, from the last block found
	// and the last fault of ours on; Most is how long it might have taken.
	Synced, Most time.Duration
	// MostBytes is the most memory of bodies on their way, MostHeld the most proven
	// bodies, MostHeaders the most headers.
	MostBytes, MostHeld, MostHeaders int
	// MostRequests is the most messages that went to one connection within a minute.
	MostRequests int
	// Traits are those of all hostile peers.
	Traits uint64
}

// run is one run.
type run struct {
	lib     *Library
	seed    uint64
	dice    *rand.Rand
	time    timeline
	begin   time.Time
	calm    time.Time // when our own faults end
	end     time.Time // when the honest chain must be published
	brain   *node.Node
	config  node.Config
	chain   *headerchain.Chain
	station *station
	open    bool     // the brain has to find its peers
	script  []*block // tips of the honest chain to come
	tip     *block   // of the honest chain
	lowMost btc.Height

	peers  []*peer
	byAddr map[addrbook.Addr]*peer
	conns  map[node.PeerID]*conn

	bodies     map[node.BodyID]btc.Hash
	lastBody   node.BodyID
	proven     map[btc.Hash]bool // as the shell knows it
	everProven map[btc.Hash]bool
	asks       map[btc.Hash]int // how often a block was asked for
	budget     budget
	blockSize  int
	journal    journal
	mostUsed   int
	people     *people // nil if there are none

	stepping bool
	report   Report
	log      transcript
}

// Play plays the run of a seed to its end. It writes the transcript to log unless that
// is nil; the run is the same with and without.
func Play(lib *Library, seed uint64, log io.Writer) Report {
	return newRun(lib, seed, (*run).addPeers).play(log)
}

func (r *run) play(log io.Writer) Report {
	r.log.to = log
	r.note("seed %d: %d peers, station %d, min work %v, window %d", r.seed, len(r.peers), r.station.height, r.config.MinimumChainWork, r.config.Window)
	for _, p := range r.peers {
		r.note("peer %d %v: honest %v, %s", p.index, p.addr, p.honest, p.traits)
	}
	r.time.in(0, r.tick)
	r.time.in(r.mineWait(), r.mine)
	for len(r.report.Wrong) == 0 && !r.done() && r.time.now.Before(r.end) && r.report.Steps < maxSteps && r.time.next() {
	}
	r.judgeEnd()
	r.report.Tail = r.log.tail
	return r.report
}

// newRun sets up a run. cast makes its peers.
func newRun(lib *Library, seed uint64, cast func(*run)) *run {
	r := &run{
		lib: lib, seed: seed, dice: rand.New(rand.NewPCG(seed, 20)),
		byAddr: map[addrbook.Addr]*peer{}, conns: map[node.PeerID]*conn{}, bodies: map[node.BodyID]btc.Hash{},
		proven: map[btc.Hash]bool{}, everProven: map[btc.Hash]bool{}, asks: map[btc.Hash]int{}, journal: journal{stored: map[btc.Hash]bool{}},
	}
	short := len(lib.stations) - 2
	if r.station = lib.stations[r.dice.IntN(short)]; r.dice.IntN(6) == 0 {
		r.station = lib.stations[short+r.dice.IntN(2)]
	}
	r.tip = lib.main[r.station.height]
	r.begin = time.Unix(int64(r.tip.header.Time()), 0).Add(minAge + time.Duration(r.dice.Int64N(int64(maxAge-minAge))))
	r.time.now = r.begin
	r.blockSize = [...]int{10_000, 200_000, 1_200_000}[r.dice.IntN(3)]
	r.writeScript()
	r.lowMost = r.station.height - 2
	r.chain = headerchain.New(btc.Regtest)
	r.config = node.Config{
		Network: btc.Regtest, Seed: seed, Secret: [32]byte{byte(seed), byte(seed >> 8), byte(seed >> 16)}, Chain: r.chain,
	}
	if r.dice.IntN(2) == 0 {
		r.config.Window, r.config.PerPeer = 4+r.dice.IntN(28), 1+r.dice.IntN(16)
	}
	if r.dice.IntN(2) == 0 {
		r.config.FinalDepth = finalDepth
	}
	if r.station.height > shortStation || r.dice.IntN(2) == 0 {
		r.config.MinimumChainWork = btc.Regtest.Params().PowLimit.Work().Mul(uint64(r.station.height))
	}
	if r.station.height > shortStation {
		// What is below the start is taken by its headers: the rebels' bad block is not.
		height := min(r.station.height-btc.Height(r.dice.IntN(40)), r.station.bad().height)
		r.config.Start = node.Start{Kind: node.StartHeight, Height: height}
	}
	cast(r)
	r.settle()
	r.introduce()
	r.setEnd()
	r.addPeople()
	r.brain = node.New(r.config)
	return r
}

// writeScript decides which blocks the honest network finds: on the main chain, with
// detours to branches that it leaves again.
func (r *run) writeScript() {
	at := r.station.height
	for i := range r.dice.IntN(6) {
		detour := r.station.detour[i]
		for at < detour.height-btc.Height(len(r.lib.branch(detour))) {
			at++
			r.script = append(r.script, r.lib.main[at])
		}
		if r.dice.IntN(2) == 0 {
			r.script = append(r.script, r.lib.branch(detour)...)
			at = detour.height + 1
			r.script = append(r.script, r.lib.main[at])
		}
	}
	// Only a heavier tip is followed.
	best := r.station.height
	kept := r.script[:0]
	for _, b := range r.script {
		if b.height > best {
			best = b.height
			kept = append(kept, b)
		}
	}
	r.script = kept
}

// setEnd says until when the honest chain must be published.
func (r *run) setEnd() {
	r.calm = r.begin.Add(20*time.Second + time.Duration(r.dice.IntN(50))*time.Second)
	last := r.tip
	if len(r.script) > 0 {
		last = r.script[len(r.script)-1]
	}
	first := max(1, r.config.Start.Height)
	var bytes, rate int
	for height := first; height <= last.height; height++ {
		bytes += r.sizeOf(r.lib.ancestor(last, height))
	}
	for _, p := range r.peers {
		if p.solid {
			rate = p.rate
		}
	}
	r.report.Blocks = int(last.height - first + 1)
	base := baseTime
	if r.open {
		base = openTime
	}
	r.report.Most = base + slack*time.Duration(bytes)*time.Second/time.Duration(rate)
	r.end = r.calm.Add(r.report.Most)
}

func (r *run) mineWait() time.Duration {
	left := r.calm.Sub(r.time.now)
	if len(r.script) == 0 {
		return left
	}
	return min(left, time.Duration(r.dice.Int64N(int64(max(time.Second, 2*left/time.Duration(len(r.script)))))))
}

// mine lets the honest network find the next block of the script. What is left when
// our faults end is found at once.
func (r *run) mine() {
	if len(r.script) == 0 {
		return
	}
	r.tip = r.script[0]
	r.script = r.script[1:]
	r.note("mined %s", r.tip.name)
	tip := r.tip
	for _, p := range r.peers {
		wait := time.Duration(r.dice.IntN(2000)) * time.Millisecond
		if p.traits.has(behind) {
			wait += time.Duration(r.dice.IntN(30)) * time.Second
		}
		r.time.in(wait, func() {
			if tip.height > p.tip.height {
				r.announce(p, tip)
			}
		})
	}
	r.time.in(r.mineWait(), r.mine)
}

func (r *run) tick() {
	r.budget.settle(r)
	r.step(node.Tick{})
	wait := tickEvery
	if r.time.now.Sub(r.calm) > 5*time.Minute {
		wait = lateTickEvery
	}
	r.time.in(wait, r.tick)
}

// done reports whether the journal is where it should be and nothing is under way.
func (r *run) done() bool {
	return r.time.now.After(r.calm) && len(r.script) == 0 && r.journal.tip() == r.tip && r.leftOver() == 0 && r.settled()
}

// leftOver counts the bodies that are held in vain: their blocks are published, or of
// the honest network. One of a heavier branch may wait for a block that nobody sends.
func (r *run) leftOver() int {
	count := 0
	for _, hash := range r.bodies {
		if r.journal.stored[hash] || r.lib.byHash[hash].open {
			count++
		}
	}
	return count
}

// settled notes when the honest chain was there, and gives the brain a while to do what
// it should not.
func (r *run) settled() bool {
	if r.report.Synced == 0 {
		r.report.Synced = r.time.now.Sub(r.calm)
	}
	return r.time.now.Sub(r.calm)-r.report.Synced > settleTime
}
