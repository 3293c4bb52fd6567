package main

import (
	"sync"
	"time"

	"github.com/spf13/pflag"

	"blockgate/internal/btc"
	"blockgate/ops"
)

// readiness is what an operator wants of a service that is ready.
type readiness struct {
	Groups int           `json:"netgroups"` // network groups that have our tip
	TipAge time.Duration `json:"tip_age"`   // the most; 0: any
}

const (
	// defaultReadyGroups is how many network groups have to have our tip. Source: two
	// would do to notice one that lies; a third may be behind.
	defaultReadyGroups = 3
	// defaultReadyTipAge is for mainnet. Source: of 900,000 blocks some 5 took longer
	// than 2 h, exp(-12) of them.
	defaultReadyTipAge = 2 * time.Hour
	maxReadyGroups     = 64
)

func (r *readiness) addFlags(flags *pflag.FlagSet) {
	flags.IntVar(&r.Groups, "ready-netgroups", 0, "network groups whose peers have our tip before /readyz says yes (default 3; 1 with --connect)")
	flags.DurationVar(&r.TipAge, "ready-tip-age", 0, "age of the tip beyond which /readyz says no, 0 for any age (default 2h on mainnet, else 0)")
}

// complete fills in what was not given.
func (r *readiness) complete(flags *pflag.FlagSet, network btc.Network, named bool) error {
	switch {
	case flags.Changed("ready-netgroups") && (r.Groups < 1 || r.Groups > maxReadyGroups):
		return usagef("--ready-netgroups %d: want 1..%d", r.Groups, maxReadyGroups)
	case flags.Changed("ready-netgroups"):
	case named:
		r.Groups = 1
	default:
		r.Groups = defaultReadyGroups
	}
	if r.TipAge < 0 {
		return usagef("--ready-tip-age %s: want 0 or more", r.TipAge)
	}
	if network == btc.Mainnet && !flags.Changed("ready-tip-age") {
		r.TipAge = defaultReadyTipAge
	}
	return nil
}

// judgement is what health is judged by beside the adapter's pulse.
type judgement struct {
	readiness
	parsers int // that work at a time

	mu    sync.Mutex     // guards cells
	cells map[int]uint32 // parsers that are ready, with their generation
}

func (j *judgement) ready(worker int, generation uint32) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.cells[worker] = generation
}

// died forgets a parser, unless its successor is ready already.
func (j *judgement) died(worker int, generation uint32) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.cells[worker] == generation {
		delete(j.cells, worker)
	}
}

func (j *judgement) count() int {
	j.mu.Lock()
	defer j.mu.Unlock()
	return len(j.cells)
}

// facts returns where the service stands, without waiting for anything.
func (s *status) facts() ops.Facts {
	seen := s.pulse.Snapshot()
	f := ops.Facts{
		Cells: s.judged.count(), CellsWanted: s.judged.parsers, Bus: seen.Bus, BusWhy: seen.BusWhy,
		Synced: !seen.Status.Syncing, WaitingFor: seen.Status.WaitingFor, Idle: seen.Idle,
		Groups: seen.Status.Groups, Agree: seen.Status.GroupsAgree, Quorum: s.judged.Groups,
		TipAge: seen.Status.TipAge, MaxTipAge: s.judged.TipAge,
		Clock: seen.Status.Clock, Parked: seen.Status.Parked, Held: seen.Status.Held, NotReady: seen.Status.NotReady,
	}
	now := time.Now()
	f.Loop, f.Job, f.Begun = s.pulse.Beat(now)
	f.Begun = f.Begun && !seen.Time.IsZero()
	return f
}

// health answers all questions for health.
func (s *status) health() map[string]ops.Report {
	facts, reports := s.facts(), map[string]ops.Report{}
	for _, probe := range ops.Probes() {
		reports[probe.Name] = probe.Judge(facts)
	}
	return reports
}
