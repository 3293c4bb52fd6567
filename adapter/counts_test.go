package adapter

import (
	"fmt"
	"math"
	"testing"
	"time"

	"blockgate/adapter/link"
	"blockgate/adapter/node"
)

// TestWordsAreBounded: whatever comes, a table of counts keeps to maxWords words and
// one for the rest, and loses no count.
func TestWordsAreBounded(t *testing.T) {
	t.Parallel()
	for _, n := range []int{maxWords - 1, maxWords, maxWords + 1, 10 * maxWords} {
		var words map[string]uint64
		for i := range n {
			word(&words, fmt.Sprintf("w%d", i))
		}
		total := uint64(0)
		for _, count := range words {
			total += count
		}
		if total != uint64(n) || len(words) != min(n, maxWords+1) || words[OtherWord] != uint64(max(0, n-maxWords)) {
			t.Errorf("%d words: %d kept, %d others, %d in all", n, len(words), words[OtherWord], total)
		}
	}
	var words map[string]uint64
	word(&words, "invalid-header: high-hash")
	word(&words, "invalid-header: time-too-old")
	if words["invalid-header"] != 2 {
		t.Errorf("%v", words)
	}
}

// TestMessagesAreCounted: a peer's command is no word of ours unless the policy knows
// it, and only what nobody looks into was discarded.
func TestMessagesAreCounted(t *testing.T) {
	t.Parallel()
	var c counts
	for _, m := range []struct {
		command string
		verdict link.Verdict
		size    int
	}{
		{"block", link.Divert, 100},
		{"inv", link.Pass, 37},
		{"ping", link.Answer, 8},
		{"tx", link.Ban, 5},
		{"alert", link.Drop, 50},
		{"evil\"} 1", link.Unknown, 7},
		{"another", link.Unknown, 0},
		{"", link.Drop, -1},
	} {
		c.came(link.CommandOf(m.command), m.verdict, m.size)
	}
	c.went(link.CommandOf("getdata"), 37)
	p := &Pulse{}
	p.counts.now, p.counts.received, p.counts.sent, p.counts.others = c.now, c.received, c.sent, c.others
	got := p.Counts()
	if got.Received[OtherWord] != 3 || got.Received["block"] != 1 || len(got.Received) != 6 {
		t.Errorf("received %v", got.Received)
	}
	if len(got.Dropped) != 3 || got.Dropped["drop"] != 2 || got.Dropped["unknown"] != 2 || got.Dropped["ban"] != 1 {
		t.Errorf("dropped %v", got.Dropped)
	}
	if got.BytesIn != 207 || got.BytesOut != 37 || got.Sent["getdata"] != 1 {
		t.Errorf("%d in, %d out, %v", got.BytesIn, got.BytesOut, got.Sent)
	}
}

// TestCountingIsCheap: a message that is counted leaves no garbage.
func TestCountingIsCheap(t *testing.T) {
	var s shell
	s.pulse = &Pulse{}
	var tr traffic
	received, wrote := s.received(&tr), s.wrote(&tr)
	block, getdata, unknown := link.CommandOf("block"), link.CommandOf("getdata"), link.CommandOf("nonsense")
	one := func() {
		received(block, link.Divert, 1000)
		received(unknown, link.Unknown, 1000)
		wrote(getdata, 37)
	}
	one() // makes the maps
	if got := testing.AllocsPerRun(100, one); got != 0 {
		t.Errorf("%v allocations", got)
	}
}

// TestEndsAreCountedOnce: a connection that the brain ends is counted when it says so,
// not when the session tells that it ended.
func TestEndsAreCountedOnce(t *testing.T) {
	t.Parallel()
	s := &shell{pulse: &Pulse{}}
	s.pulse.counts.action(node.Disconnect{Peer: 1, Reason: node.ReasonStall})
	s.countEvent(node.PeerDown{Peer: 1, Reason: node.Reason(link.ReasonLocal.String())})
	s.countEvent(node.PeerDown{Peer: 2, Reason: node.Reason(link.ReasonSilent.String())})
	s.countEvent(node.DialFailed{Peer: 3})
	s.pulse.counts.action(node.Ban{Reason: "oversize"})
	s.pulse.counts.action(node.Alarm{Code: node.AlarmClock})
	s.pulse.counts.action(node.TransactionMoved{State: node.TxSeen})
	s.countEvent(node.BodyJudged{Outcome: node.OutcomeMerkle})
	s.countEvent(node.BodyUnneeded{})
	c := s.pulse.Counts()
	if len(c.Ends) != 2 || c.Ends["stall"] != 1 || c.Ends["silent"] != 1 || c.DialsFailed != 1 || c.Bans["oversize"] != 1 || c.Alarms["clock"] != 1 ||
		c.Transactions["seen"] != 1 || c.Bodies["merkle"] != 1 || c.Bodies[UnneededWord] != 1 {
		t.Errorf("%+v", c)
	}
}

// TestBusWord: the last answer of the bus counts, and nothing else says anything of it.
func TestBusWord(t *testing.T) {
	t.Parallel()
	var b busWord
	for i, c := range []struct {
		event node.Event
		want  busWord
	}{
		{node.Tick{}, busWord{}},
		{node.JournalFailed{Detail: "down"}, busWord{why: "down"}},
		{node.PeerUp{}, busWord{why: "down"}},
		{node.JournalLoaded{}, busWord{ok: true}},
		{node.BodyStoreFailed{Detail: "full"}, busWord{why: "full"}},
		{node.BodyStored{}, busWord{ok: true}},
		{node.EventMoved{Detail: "moved"}, busWord{why: "moved"}},
		{node.EventAppended{}, busWord{ok: true}},
	} {
		if b.hear(c.event); b != c.want {
			t.Errorf("event %d: %+v, want %+v", i, b, c.want)
		}
	}
}

// TestTrafficRate: a steady stream comes to its rate, silence comes to nothing, and
// the first tick knows of no rate.
func TestTrafficRate(t *testing.T) {
	t.Parallel()
	var tr traffic
	now := time.Unix(1700000000, 0)
	tr.in.Add(1 << 30)
	tr.tick(now)
	if tr.rate != 0 {
		t.Errorf("rate %g before there is a span", tr.rate)
	}
	for range 400 {
		now = now.Add(250 * time.Millisecond)
		tr.in.Add(25000)
		tr.tick(now)
	}
	if math.Abs(tr.rate-100000) > 100 {
		t.Errorf("rate %g of a stream of 100000 a second", tr.rate)
	}
	tr.tick(now) // no time has passed
	for range 400 {
		now = now.Add(250 * time.Millisecond)
		tr.tick(now)
	}
	if tr.rate > 10 {
		t.Errorf("rate %g after 100 s of silence", tr.rate)
	}
}
