package simnet

import (
	"bytes"
	"strings"
	"testing"

	"blockgate/adapter/node"
)

// TestPeople checks that an operator and consumers take part in one run of some, that
// the brain hears of all they do, and that it ends before the run must come to its end.
func TestPeople(t *testing.T) {
	t.Parallel()
	seen := map[string]int{}
	for seed := range uint64(2 * peopleShare) {
		var log bytes.Buffer
		r := newRun(sharedLibrary(), seed, cast(silent))
		if report := r.play(&log); len(report.Wrong) > 0 {
			t.Fatalf("seed %d: %s", seed, report.Wrong)
		}
		text := log.String()
		if has := strings.Contains(text, "ConsumerActive"); has != (seed%peopleShare == peopleShare-1) {
			t.Errorf("seed %d: consumers: %v", seed, has)
		}
		for _, what := range []string{"ConsumerActive", "ConsumerIdle", "Reason:idle", "OperatorInvalidate", "OperatorReconsider", "Refused:}"} {
			seen[what] += strings.Count(text, what)
		}
		if r.people != nil && (r.people.refused != nil || r.brain.Idle()) {
			t.Errorf("seed %d: %v is refused at the end, idle %v", seed, r.people.refused, r.brain.Idle())
		}
	}
	if seen["OperatorInvalidate"] < seen["OperatorReconsider"] || seen["ConsumerActive"] <= seen["ConsumerIdle"] {
		t.Errorf("%v", seen)
	}
	for what, times := range seen {
		if times == 0 {
			t.Errorf("no run has %s", what)
		}
	}
}

// TestPeopleJudge checks what the model says of a brain that does not heed the operator.
func TestPeopleJudge(t *testing.T) {
	main := sharedLibrary().main
	for name, test := range map[string]struct {
		refused *block // that the operator calls invalid
		do      func(*run)
		want    string
		left    *block // that he calls invalid then
	}{
		"connect it": {main[1], func(r *run) {
			r.journal.stored[main[1].hash] = true
			r.connect(main[1], nil)
		}, "connect m1, which the operator called invalid", main[1]},
		"connect one on it": {main[1], func(r *run) {
			r.journal.stored[main[2].hash] = true
			r.connect(main[2], main[1])
		}, "connect m2, which the operator called invalid", main[1]},
		"connect one below it": {main[2], func(r *run) {
			r.journal.stored[main[1].hash] = true
			r.connect(main[1], nil)
		}, "", main[2]},
		"taken":           {main[1], func(r *run) { r.told(node.OperatorTold{Request: 5}) }, "", main[1]},
		"refused":         {main[1], func(r *run) { r.told(node.OperatorTold{Request: 5, Refused: "no"}) }, "", nil},
		"not taken back":  {nil, func(r *run) { r.told(node.OperatorTold{Request: 5, Refused: "no"}) }, "the operator cannot take back what he said: no", nil},
		"another request": {main[1], func(r *run) { r.told(node.OperatorTold{Request: 4}) }, "an answer to the operator's request 4", main[1]},
	} {
		t.Run(name, func(t *testing.T) {
			r := bareRun()
			r.people.request, r.people.refused = 5, test.refused
			test.do(r)
			if got := said(t, r); got != test.want {
				t.Errorf("%q, want %q", got, test.want)
			}
			if r.people.refused != test.left {
				t.Errorf("%v is left", r.people.refused)
			}
		})
	}
}

// TestAsksAndDials checks the bounds on how often a block is asked for and an address is
// dialled, at the bound and above it.
func TestAsksAndDials(t *testing.T) {
	for over, want := range map[int]string{0: "", 1: "m1 is asked for 61 times, 60 would be many"} {
		r := bareRun()
		r.asks[r.lib.main[1].hash], r.asks[r.lib.main[2].hash] = minAsks+over, minAsks
		if r.judgeAsks(); said(t, r) != want || r.report.MostAsked != minAsks+over {
			t.Errorf("%d more: %q, most %d", over, said(t, r), r.report.MostAsked)
		}
		r.time.now = r.begin.Add(askEvery)
		if r.report.Wrong = nil; over == 1 {
			if r.judgeAsks(); said(t, r) != "" {
				t.Errorf("later: %q", said(t, r))
			}
		}
	}
	for over, want := range map[int]string{0: "", 1: "41 dials for peer 0 within a minute"} {
		r := bareRun()
		for range maxDials + over {
			r.pace(&r.peers[0].dials, maxDials, "dials", r.peers[0])
		}
		if got := said(t, r); got != want {
			t.Errorf("%d more: %q", over, got)
		}
	}
}
