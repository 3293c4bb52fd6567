package simnet

import (
	"fmt"
	"slices"
	"time"

	"blockgate/adapter/node"
)

// complain notes a broken promise; the first one ends the run.
func (r *run) complain(format string, args ...any) {
	wrong := fmt.Sprintf(format, args...)
	r.note("WRONG: %s", wrong)
	r.report.Wrong = append(r.report.Wrong, fmt.Sprintf("at %.3f s: %s", r.time.now.Sub(r.begin).Seconds(), wrong))
}

// audit looks at one step.
func (r *run) audit(e node.Event, actions []node.Action) {
	r.report.Actions += len(actions)
	if len(actions) > maxActions {
		r.complain("%T causes %d actions", e, len(actions))
	}
	r.report.MostHeaders = max(r.report.MostHeaders, r.chain.Len())
	r.report.MostHeld = max(r.report.MostHeld, len(r.bodies))
	window := r.config.Window
	if window == 0 {
		window = node.DefaultWindow
	}
	if len(r.bodies) > window+node.MaxStoring+1 {
		r.complain("%d proven bodies are held, the window is %d", len(r.bodies), window)
	}
}

// pace holds how often something happens to a bound in each minute.
func (r *run) pace(times *[]time.Time, most int, what string, p *peer) {
	defer func() {
		if what == "requests" {
			r.report.MostRequests = max(r.report.MostRequests, len(*times))
		}
	}()
	now := r.time.now
	*times = append(*times, now)
	first := slices.IndexFunc(*times, func(t time.Time) bool { return now.Sub(t) < time.Minute })
	*times = (*times)[first:]
	if len(*times) > most {
		r.complain("%d %s for peer %d within a minute", len(*times), what, p.index)
	}
}

// judgeEnd says what is wrong at the end.
func (r *run) judgeEnd() {
	r.report.Peers, r.report.MostBytes = len(r.peers), r.mostUsed
	r.report.Digest = r.log.digest
	for _, p := range r.peers {
		if !p.honest {
			r.report.Hostile++
			r.report.Traits |= uint64(p.traits)
		}
	}
	if len(r.report.Wrong) > 0 {
		return
	}
	if r.report.Steps >= maxSteps {
		r.complain("%d steps", r.report.Steps)
	}
	if !r.done() {
		at := "nothing"
		if tip := r.journal.tip(); tip != nil {
			at = tip.name
		}
		s := r.brain.Status(r.time.now)
		r.complain("the journal ends in %s, the honest chain in %s, %v after the last fault; %d bodies held; waiting for %s; best %d",
			at, r.tip.name, r.time.now.Sub(r.calm), r.leftOver(), s.WaitingFor, s.BestHeight)
	}
	r.judgeAsks()
	if !r.config.MinimumChainWork.IsZero() {
		if _, kept := r.chain.Lookup(r.lib.low[0].hash); kept {
			r.complain("headers with too little work are kept")
		}
	}
	r.judgeLiars()
}

// judgeAsks holds how often a block is asked for to a bound, which grows with the time.
func (r *run) judgeAsks() {
	most := minAsks + int(r.time.now.Sub(r.begin)/askEvery)
	var name string // of the first by name of those that were asked for most
	for hash, count := range r.asks {
		if this := r.lib.name(hash); count > r.report.MostAsked || count == r.report.MostAsked && this < name {
			r.report.MostAsked, name = count, this
		}
	}
	if r.report.MostAsked > most {
		r.complain("%s is asked for %d times, %d would be many", name, r.report.MostAsked, most)
	}
}

// judgeLiars checks that who sent other bytes than those that were proven is banned.
func (r *run) judgeLiars() {
	for _, p := range r.peers {
		for _, b := range p.lies {
			if r.everProven[b.hash] && p.banned == "" {
				r.complain("peer %d lied about %s and is not banned", p.index, b.name)
			}
		}
	}
}
