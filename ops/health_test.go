package ops

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"
)

// fine are facts of a service where all is well.
func fine() Facts {
	return Facts{
		Begun: true, Loop: time.Second, Job: time.Second, Cells: 2, CellsWanted: 2, Bus: true, Synced: true,
		Groups: 5, Agree: 3, Quorum: 3, TipAge: time.Hour, MaxTipAge: 2 * time.Hour,
	}
}

func TestHealth(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change               func(*Facts)
		startup, live, ready string // codes with spaces
	}{
		"all is well":        {func(*Facts) {}, "", "", ""},
		"not begun":          {func(f *Facts) { *f = Facts{CellsWanted: 2, Quorum: 3} }, "starting cells bus", "", "starting cells bus"},
		"no parser":          {func(f *Facts) { f.Cells = 0 }, "cells", "", "cells"},
		"one parser too few": {func(f *Facts) { f.Cells = 1 }, "cells", "", "cells"},
		"spare parsers":      {func(f *Facts) { f.Cells = 5 }, "", "", ""},
		"no bus":             {func(f *Facts) { f.Bus = false }, "bus", "", "bus"},
		"loop at its limit":  {func(f *Facts) { f.Loop = MaxLoop }, "", "", ""},
		"loop beyond":        {func(f *Facts) { f.Loop = MaxLoop + 1 }, "", "loop", "loop"},
		"job at its limit":   {func(f *Facts) { f.Job = MaxJob }, "", "", ""},
		"job beyond":         {func(f *Facts) { f.Job = MaxJob + 1 }, "", "journal", "journal"},
		"no peers":           {func(f *Facts) { f.Groups, f.Agree, f.Synced, f.WaitingFor = 0, 0, false, "peers" }, "", "", "syncing quorum"},
		"one group too few":  {func(f *Facts) { f.Agree = 2 }, "", "", "quorum"},
		"tip at its limit":   {func(f *Facts) { f.TipAge = 2 * time.Hour }, "", "", ""},
		"tip beyond":         {func(f *Facts) { f.TipAge = 2*time.Hour + 1 }, "", "", "tip_age"},
		"any age":            {func(f *Facts) { f.TipAge, f.MaxTipAge = 1e6*time.Hour, 0 }, "", "", ""},
		"idle": {
			func(f *Facts) { f.Idle, f.Synced, f.Groups, f.Agree, f.TipAge = true, false, 0, 0, 100*time.Hour }, "", "", "",
		},
		"idle, and held":        {func(f *Facts) { f.Idle, f.Held = true, "block 8" }, "", "", "held"},
		"clock":                 {func(f *Facts) { f.Clock = "late" }, "", "", "clock"},
		"parked":                {func(f *Facts) { f.Parked = "block 7"; f.NotReady = "it leads" }, "", "", "parked"},
		"held":                  {func(f *Facts) { f.Held = "block 8" }, "", "", "held"},
		"not ready in any case": {func(f *Facts) { f.NotReady = "so it is" }, "", "", "held"},
		"all at once": {
			func(f *Facts) {
				*f = Facts{Begun: true, Loop: time.Hour, Job: time.Hour, CellsWanted: 1, Quorum: 1, TipAge: 3, MaxTipAge: 2, Clock: "c", Parked: "p", Held: "h"}
			},
			"cells bus", "loop journal", "cells bus loop journal syncing quorum tip_age clock parked held",
		},
	} {
		f := fine()
		c.change(&f)
		for i, want := range []string{c.startup, c.live, c.ready} {
			probe := Probes()[i]
			report := probe.Judge(f)
			var codes []string
			for _, r := range report.Reasons {
				codes = append(codes, r.Code)
				if r.Detail == "" || !slices.Contains(ReasonCodes(), r.Code) {
					t.Errorf("%s: %s: reason %+v", name, probe.Name, r)
				}
			}
			if got := strings.Join(codes, " "); got != want || report.OK != (want == "") {
				t.Errorf("%s: %s: %v %q, want %q", name, probe.Name, report.OK, got, want)
			}
		}
	}
}

// TestHealthNeverWaits: liveness is not touched by peers, bus, sync or chain; startup
// is not by peers, sync or chain.
func TestHealthNeverWaits(t *testing.T) {
	t.Parallel()
	f := fine()
	f.Synced, f.Groups, f.Agree, f.TipAge, f.Clock, f.Parked, f.Held, f.NotReady = false, 0, 0, 1e9*time.Second, "x", "x", "x", "x"
	if r := Startup(f); !r.OK {
		t.Errorf("startup waits: %+v", r)
	}
	f.Bus, f.Cells = false, 0
	if r := Live(f); !r.OK {
		t.Errorf("liveness waits: %+v", r)
	}
}

func TestProbeHandler(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		facts  Facts
		status int
		body   string
	}{
		"well": {fine(), 200, `{"ok":true,"reasons":[]}` + "\n"},
		"ill": {
			func() Facts { f := fine(); f.Held = `a "branch"`; return f }(), 503,
			`{"ok":false,"reasons":[{"code":"held","detail":"a \"branch\""}]}` + "\n",
		},
	} {
		answer := httptest.NewRecorder()
		Probes()[2].Handler(func() Facts { return c.facts }).ServeHTTP(answer, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/readyz", http.NoBody))
		if answer.Code != c.status || answer.Body.String() != c.body || answer.Header().Get("Content-Type") != "application/json" {
			t.Errorf("%s: %d %q", name, answer.Code, answer.Body)
		}
	}
}

// TestReportIsBounded: a reason says no more than so much, however much there is to
// say.
func TestReportIsBounded(t *testing.T) {
	t.Parallel()
	for _, size := range []int{maxDetail - 1, maxDetail, maxDetail + 1, 1 << 20} {
		want := size
		if size > maxDetail {
			want = maxDetail + 3
		}
		f := fine()
		f.Parked, f.Held, f.Clock = strings.Repeat("p", size), strings.Repeat("h", size), strings.Repeat("c", size)
		report := Ready(f)
		line := report.line()
		var got Report
		if err := json.Unmarshal(line, &got); err != nil || len(line) > 4*maxDetail || len(got.Reasons) != 3 || len(got.Reasons[0].Detail) != want {
			t.Errorf("%d bytes each: a line of %d, %v", size, len(line), err)
		}
	}
}

// TestProbesAreCheap: a probe that is asked again and again makes little garbage.
func TestProbesAreCheap(t *testing.T) {
	f := fine()
	f.Parked = strings.Repeat("p", maxDetail)
	for _, p := range Probes() {
		if got := testing.AllocsPerRun(100, func() { report := p.Judge(f); _ = report.line() }); got > 20 {
			t.Errorf("%s: %v allocations", p.Name, got)
		}
	}
}
