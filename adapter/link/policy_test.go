package link

import (
	"maps"
	"slices"
	"testing"
)

// row is what the protocol says of a message, written down a second time: sizes
// are plain numbers here, from the message's layout.
type row struct {
	verdict        Verdict
	min, keep, max uint32
	phase          phase
	ban            Reason
}

func passed(in phase, least, most uint32) row { return row{Pass, least, most, most, in, 0} }
func ignored(most uint32) row                 { return row{Drop, 0, most, most, 0, 0} }
func banned(why Reason) row                   { return row{Ban, 0, 4_000_000, 4_000_000, 0, why} }

var protocol = map[string]row{
	"version":      passed(hello, 0, 344),
	"sendaddrv2":   ignored(0),
	"verack":       passed(negotiate, 0, 0),
	"ping":         {Answer, 8, 8, 8, open, 0},
	"pong":         passed(open, 8, 8),
	"headers":      passed(open, 1, 162_003),
	"inv":          {Pass, 1, 36_003, 1_800_003, open, 0},
	"notfound":     {Pass, 1, 36_003, 1_800_003, open, 0},
	"block":        {Divert, 0, 4_000_000, 4_000_000, 0, 0},
	"getaddr":      ignored(0),
	"mempool":      ignored(0),
	"getheaders":   ignored(4 + 3 + 101*32 + 32),
	"getblocks":    ignored(4 + 3 + 101*32 + 32),
	"getdata":      ignored(1_800_003),
	"getblocktxn":  ignored(4_000_000),
	"getcfilters":  ignored(37),
	"getcfheaders": ignored(37),
	"getcfcheckpt": ignored(33),
	"filterload":   ignored(4_000_000),
	"filteradd":    ignored(4_000_000),
	"filterclear":  ignored(4_000_000),
	"addr":         {Take, 1, 30_003, 30_003, open, 0},
	"addrv2":       {Take, 1, 49_003, 534_003, open, 0},
	"feefilter":    ignored(8),
	"sendheaders":  ignored(0),
	"sendcmpct":    ignored(9),
	"wtxidrelay":   ignored(0),
	"sendtxrcncl":  ignored(12),
	"reject":       ignored(4_000_000),
	"alert":        ignored(4_000_000),
	"tx":           banned(ReasonUnrequestedTx),
	"merkleblock":  banned(ReasonUnrequestedMerkleBlock),
	"cmpctblock":   banned(ReasonUnrequestedCompactBlock),
	"blocktxn":     banned(ReasonUnrequestedBlockTxn),
	"cfilter":      banned(ReasonUnrequestedFilter),
	"cfheaders":    banned(ReasonUnrequestedFilter),
	"cfcheckpt":    banned(ReasonUnrequestedFilter),
}

// decide is the policy in plain words, for this test and for the fuzz target.
func decide(name string, size uint32, now phase) (Verdict, Reason) {
	want, known := protocol[name]
	if !known {
		want = row{Unknown, 0, 4_000_000, 4_000_000, 0, 0}
	}
	if want.verdict == Ban {
		return Ban, want.ban
	}
	if size > want.max {
		return want.verdict, ReasonOversize
	}
	if want.verdict == Divert && size < 81 {
		return Divert, ReasonShortBlock
	}
	if size < want.min || size > want.keep {
		return Drop, ReasonNone
	}
	if (want.verdict == Pass || want.verdict == Answer || want.verdict == Take) && now != want.phase {
		return Drop, ReasonNone
	}
	return want.verdict, ReasonNone
}

func TestPolicyRows(t *testing.T) {
	var have []string
	for c := range policy {
		have = append(have, c.String())
	}
	slices.Sort(have)
	if want := slices.Sorted(maps.Keys(protocol)); !slices.Equal(have, want) {
		t.Fatalf("policy has\n%q\nwant\n%q", have, want)
	}
}

func TestPolicyLimits(t *testing.T) {
	for name := range protocol {
		t.Run(name, func(t *testing.T) { testLimits(t, name) })
	}
	t.Run("unknown", func(t *testing.T) { testLimits(t, "blockgate") })
	t.Run("empty name", func(t *testing.T) { testLimits(t, "") })
}

// testLimits tries each limit at n-1, n and n+1 in each phase.
func testLimits(t *testing.T, name string) {
	t.Helper()
	limits := []uint32{0, 1, 81, 4_000_000, 1<<32 - 2, protocol[name].min, protocol[name].keep, protocol[name].max}
	for _, limit := range limits {
		for _, size := range []uint32{limit - 1, limit, limit + 1} {
			for _, now := range []phase{hello, negotiate, open} {
				verdict, err := judge(message{command: CommandOf(name), size: size}, now)
				wantVerdict, wantReason := decide(name, size, now)
				if verdict != wantVerdict || ReasonOf(err) != wantReason {
					t.Errorf("%d bytes in phase %d: %s, %v, want %s, %s", size, now, verdict, err, wantVerdict, wantReason)
				}
			}
		}
	}
}

// TestPolicyTable spells out the rows that matter most, without the model.
func TestPolicyTable(t *testing.T) {
	tests := []struct {
		name    string
		command string
		size    uint32
		phase   phase
		verdict Verdict
		reason  Reason
	}{
		{"a block comes through at its least", "block", 81, open, Divert, ReasonNone},
		{"a block comes through at its most", "block", 4_000_000, open, Divert, ReasonNone},
		{"a header alone is no block", "block", 80, open, Divert, ReasonShortBlock},
		{"a block of one byte too much", "block", 4_000_001, open, Divert, ReasonOversize},
		{"a tx costs the connection", "tx", 100, open, Ban, ReasonUnrequestedTx},
		{"an empty tx, too", "tx", 0, open, Ban, ReasonUnrequestedTx},
		{"a tx before the handshake, too", "tx", 100, hello, Ban, ReasonUnrequestedTx},
		{"2000 headers", "headers", 3 + 2000*81, open, Pass, ReasonNone},
		{"2001 headers", "headers", 3 + 2001*81, open, Pass, ReasonOversize},
		{"an empty inv payload cannot be read", "inv", 0, open, Drop, ReasonNone},
		{"an inv of 1000", "inv", 3 + 1000*36, open, Pass, ReasonNone},
		{"an inv of 1001 is legal but not read", "inv", 3 + 1001*36, open, Drop, ReasonNone},
		{"an inv of 50001", "inv", 3 + 50001*36, open, Pass, ReasonOversize},
		{"a second version is ignored", "version", 100, negotiate, Drop, ReasonNone},
		{"a version after verack is ignored", "version", 100, open, Drop, ReasonNone},
		{"a verack before version is ignored", "verack", 0, hello, Drop, ReasonNone},
		{"sendaddrv2 after verack is ignored", "sendaddrv2", 0, open, Drop, ReasonNone},
		{"headers before verack are ignored", "headers", 1, negotiate, Drop, ReasonNone},
		{"a ping before verack is ignored", "ping", 8, negotiate, Drop, ReasonNone},
		{"a ping without nonce is ignored", "ping", 0, open, Drop, ReasonNone},
		{"a short pong is ignored", "pong", 7, open, Drop, ReasonNone},
		{"an unknown command is tolerated", "feature2031", 3_999_999, open, Unknown, ReasonNone},
		{"an unknown command has a limit", "feature2031", 4_000_001, open, Unknown, ReasonOversize},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			verdict, err := judge(message{command: CommandOf(test.command), size: test.size}, test.phase)
			if verdict != test.verdict || ReasonOf(err) != test.reason {
				t.Errorf("got %s, %v, want %s, %s", verdict, err, test.verdict, test.reason)
			}
		})
	}
}

func TestVerdictString(t *testing.T) {
	seen := map[string]bool{}
	for v := Unknown; v <= Take; v++ {
		if name := v.String(); name == "" || seen[name] {
			t.Errorf("verdict %d is called %q", v, name)
		} else {
			seen[name] = true
		}
	}
	if got := (Take + 1).String(); got != "verdict?" {
		t.Errorf("a verdict that is none is called %q", got)
	}
}

func TestCommand(t *testing.T) {
	tests := []struct {
		name  string
		bytes string
		valid bool
		text  string
	}{
		{"plain", "ping", true, "ping"},
		{"all twelve bytes", "sendaddrv2xx", true, "sendaddrv2xx"},
		{"empty", "", true, ""},
		{"lowest", " ", true, " "},
		{"highest", "~", true, "~"},
		{"below", "\x1fx", false, `"\x1fx"`},
		{"above", "x\x7f", false, `"x\x7f"`},
		{"high bit", "\xe9ping", false, `"\xe9ping"`},
		{"after NUL", "ping\x00x", false, `"ping\x00x"`},
		{"last byte after NUL", "ping\x00\x00\x00\x00\x00\x00\x00x", false, `"ping\x00\x00\x00\x00\x00\x00\x00x"`},
		{"NUL first", "\x00ping", false, `"\x00ping"`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			c := CommandOf(test.bytes)
			if c.valid() != test.valid || c.String() != test.text {
				t.Errorf("valid %t, %s, want %t, %s", c.valid(), c, test.valid, test.text)
			}
			if _, err := judge(message{command: c}, open); (ReasonOf(err) == ReasonBadCommand) == test.valid {
				t.Errorf("judged %v", err)
			}
		})
	}
	if got := CommandOf("more than twelve bytes").String(); got != "more than tw" {
		t.Errorf("a long name gives %q", got)
	}
}
