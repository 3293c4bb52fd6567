package ops

import (
	"encoding/json"
	"fmt"
	"net/http"
	"time"
)

// Facts are what health is judged by: where the service stands, as flat values. What
// is zero is not there.
type Facts struct {
	// Begun says that the loop has turned at least once. Loop is how long ago it turned
	// last, Job how long the journal has been at the job in hand.
	Begun     bool
	Loop, Job time.Duration
	// Cells is how many parsers are ready, CellsWanted how many work at a time.
	Cells, CellsWanted int
	// Bus says that the journal was read and takes what we write, BusWhy why not.
	Bus    bool
	BusWhy string
	// Synced says that headers are all there and the journal is at the best of them,
	// WaitingFor what has to happen next.
	Synced     bool
	WaitingFor string
	// Idle says that nobody wants blocks, so that peers were let go on purpose.
	Idle bool
	// Groups is how many network groups the peers are of, Agree how many of them have
	// the journal's tip on their best chain, Quorum how many have to.
	Groups, Agree, Quorum int
	// TipAge is how long ago the journal's tip says that it was made, MaxTipAge how
	// long that may be; 0 for as long as it likes.
	TipAge, MaxTipAge time.Duration
	// Clock says what is wrong with our clock, Parked and Held which branches are not
	// followed, NotReady why readers had better not rely on us; "" for nothing.
	Clock, Parked, Held, NotReady string
}

// Report is the answer to a question for health.
type Report struct {
	OK      bool     `json:"ok"`
	Reasons []Reason `json:"reasons"` // why not, [] if OK
}

// Reason is one thing that is not as it should be.
type Reason struct {
	Code   string `json:"code"`   // a word for scripts, of [ReasonCodes]
	Detail string `json:"detail"` // for people
}

// The codes of reasons.
const (
	ReasonStarting = "starting" // the loop has not begun
	ReasonCells    = "cells"    // no parser is ready, or too few
	ReasonBus      = "bus"      // the journal cannot be written
	ReasonLoop     = "loop"     // the loop does not turn
	ReasonJournal  = "journal"  // one job of the journal never ends
	ReasonSyncing  = "syncing"  // headers or blocks are missing
	ReasonQuorum   = "quorum"   // too few network groups have our tip
	ReasonTipAge   = "tip_age"  // the tip is old
	ReasonClock    = "clock"    // our clock is wrong
	ReasonParked   = "parked"   // a branch is not followed
	ReasonHeld     = "held"     // a branch waits for the operator
)

// ReasonCodes returns all codes, in the order in which reports name them.
func ReasonCodes() []string {
	return []string{
		ReasonStarting, ReasonCells, ReasonBus, ReasonLoop, ReasonJournal, ReasonSyncing, ReasonQuorum, ReasonTipAge,
		ReasonClock, ReasonParked, ReasonHeld,
	}
}

// Startup judges whether the service has come up: every cell that works at a time is
// ready, and the bus takes what we write. It never waits for peers or for the sync.
func Startup(f Facts) Report {
	var r Report
	r.when(!f.Begun, ReasonStarting, "the adapter reads what it keeps")
	r.when(f.Cells < f.CellsWanted, ReasonCells, "%d of %d parsers are ready", f.Cells, f.CellsWanted)
	r.when(!f.Bus, ReasonBus, "%s", orWhy(f.BusWhy, "the journal has not been read yet"))
	return r.closed()
}

// Live judges whether the service's goroutines turn. It never depends on peers, on
// the bus, or on the sync: what a restart does not mend is not its business. Before
// the loop has begun it says yes, since to come up is the startup's matter.
func Live(f Facts) Report {
	var r Report
	r.when(f.Begun && f.Loop > MaxLoop, ReasonLoop, "the loop has not turned for %s, at most %s", round(f.Loop), MaxLoop)
	r.when(f.Begun && f.Job > MaxJob, ReasonJournal, "one job of the journal has taken %s, at most %s", round(f.Job), MaxJob)
	return r.closed()
}

// Ready judges whether readers can rely on the journal's tip: a quorum of network
// groups agrees with it, it is not old, nothing is set aside that should not be, and
// our clock is not at odds with the network. One that is idle is as ready as it was.
func Ready(f Facts) Report {
	r := Startup(f)
	r.Reasons = append(r.Reasons, Live(f).Reasons...)
	if !f.Begun {
		return r.closed()
	}
	awake := !f.Idle
	r.when(awake && !f.Synced, ReasonSyncing, "waiting for %s", orWhy(f.WaitingFor, "headers"))
	r.when(awake && f.Agree < f.Quorum, ReasonQuorum, "%d of %d network groups have our tip, want %d", f.Agree, f.Groups, f.Quorum)
	r.when(awake && f.MaxTipAge > 0 && f.TipAge > f.MaxTipAge, ReasonTipAge, "the tip is %s old, at most %s", round(f.TipAge), f.MaxTipAge)
	r.when(f.Clock != "", ReasonClock, "%s", f.Clock)
	r.when(f.Parked != "", ReasonParked, "%s", f.Parked)
	r.when(f.Held != "", ReasonHeld, "%s", f.Held)
	r.when(f.Parked == "" && f.Held == "" && f.NotReady != "", ReasonHeld, "%s", f.NotReady)
	return r.closed()
}

func (r *Report) when(is bool, code, format string, args ...any) {
	if is {
		r.Reasons = append(r.Reasons, Reason{code, fmt.Sprintf(format, args...)})
	}
}

// closed returns the report once all was looked at.
func (r *Report) closed() Report {
	if r.Reasons == nil {
		r.Reasons = []Reason{} // JSON says [], not null
	}
	r.OK = len(r.Reasons) == 0
	return *r
}

// line returns the report as one line of JSON.
func (r *Report) line() []byte {
	for i := range r.Reasons {
		r.Reasons[i].Detail = clip(r.Reasons[i].Detail)
	}
	text, err := json.Marshal(r)
	if err != nil {
		text = []byte(`{"ok":false,"reasons":[]}`) // words and a bool can always be sent
	}
	return append(text, '\n')
}

// clip bounds what one reason may say.
func clip(text string) string {
	if len(text) <= maxDetail {
		return text
	}
	return text[:maxDetail] + "..."
}

func orWhy(why, other string) string {
	if why == "" {
		return other
	}
	return why
}

func round(d time.Duration) time.Duration { return d.Round(time.Second) }

// Probe is one of the questions for health.
type Probe struct {
	Name  string // of the command and of the path: startup is /startupz
	Path  string
	Judge func(Facts) Report
}

// Probes returns the three questions.
func Probes() []Probe {
	return []Probe{{"startup", "/startupz", Startup}, {"live", "/livez", Live}, {"ready", "/readyz", Ready}}
}

// Handler returns what answers the probe over HTTP: a report in JSON, with status
// 200, or 503 if it is not OK. facts must not wait for anything.
func (p Probe) Handler(facts func() Facts) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		report := p.Judge(facts())
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Cache-Control", "no-store")
		if !report.OK {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
		_, _ = w.Write(report.line()) // who is gone wants no answer
	})
}
