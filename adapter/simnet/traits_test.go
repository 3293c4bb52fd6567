package simnet

import (
	"bytes"
	"strings"
	"testing"
	"time"
)

// cast returns a cast of one solid honest peer and one of each mix of traits.
func cast(mixes ...trait) func(*run) {
	return func(r *run) {
		honest := &peer{honest: true, solid: true, tip: r.tip, rate: 2_000_000, think: [2]time.Duration{10 * time.Millisecond, 100 * time.Millisecond}}
		r.peers = append(r.peers, honest)
		for _, mix := range mixes {
			p := &peer{traits: mix, tip: r.tip}
			r.equip(p)
			r.peers = append(r.peers, p)
		}
	}
}

// TestTraits plays each trait alone beside one honest peer: the honest chain comes out,
// and the peer is banned for what it did if that deserves it, by the link's own word
// where the link decides, or let go, or borne with.
func TestTraits(t *testing.T) {
	for _, test := range []struct {
		trait trait
		ban   string // beginning of the reason, "" if it is not banned
		seen  string // in the transcript
	}{
		{refuses, "", "refused"},
		{dumb, "", "handshake-timeout"},
		{noServices, "", "services 0"},
		{lyingHeight, "", "lying-height"},
		{silent, "", "silent"},
		{slow, "", "slow"},
		{stalling, "", "getdata"},
		{gaps, "", "getdata"},
		{notFound, "", "not found"},
		{heavy1, "", "heavy1-"},
		{heavy6, "", "heavy6-"},
		{heavy200, "", "heavy200-"},
		{heavy1100, "", "heavy"},
		{rebel, "", "body-rule"},
		{frozen, "", "frozen"},
		{mutating, "body-", "body-"},
		{poisonous, "body-worker-", "body-worker-"},
		{dripping, "", "dripping"},
		{crawling, "", "crawling"},
		{spamLow, "", "low"},
		{spamHigh, "", "spam"},
		{unlinked, "", "unlinked"},
		{badHeader, "invalid-header: ", "invalid-header"},
		{duplicate, "", "headers"},
		{twoFaced, "", "twin"},
		{addrFlood, "", "addr-flood"},
		{invFlood, "", "inv"},
		{pingFlood, "ping-flood", "ping-flood"},
		{garbage, "wrong-magic", "wrong-magic"},
		{oversize, "oversize", "oversize"},
		{unasked, "unasked-blocks", "unasked-blocks"},
		{pushesTx, "unrequested-tx", "unrequested-tx"},
		{leaving, "", "remote-closed"},
		{halving, "", "remote-closed"},
	} {
		t.Run(test.trait.String(), func(t *testing.T) {
			t.Parallel()
			if raceDetector && test.ban == "" {
				t.Skip("there is one goroutine in a run: a few do under the race detector")
			}
			// Chance decides how much the peer is asked for: one of some seeds must show it.
			for seed := range uint64(8) {
				var log bytes.Buffer
				r := newRun(sharedLibrary(), 1000+seed, cast(test.trait))
				report := r.play(&log)
				if len(report.Wrong) > 0 {
					t.Fatalf("seed %d: %s\n%s", 1000+seed, report.Wrong, strings.Join(report.Tail, "\n"))
				}
				for _, p := range r.peers {
					if p.banned != "" && (test.ban == "" || !strings.HasPrefix(p.banned, test.ban)) {
						t.Fatalf("seed %d: banned for %s, want %q", 1000+seed, p.banned, test.ban)
					}
				}
				if (test.ban == "" || report.Bans == 1) && strings.Contains(log.String(), test.seen) {
					return
				}
			}
			t.Errorf("no run shows %q, or a ban for %q", test.seen, test.ban)
		})
	}
}

// TestTraitNames checks that each trait has a name of its own, in order.
func TestTraitNames(t *testing.T) {
	if hostileEnd != 1<<hostileTraits || future != 1<<(len(traitNames)-1) {
		t.Fatalf("%d names, hostile traits end at %x", len(traitNames), hostileEnd)
	}
	for mix, want := range map[trait]string{
		0: "plain", refuses: "refuses", halving: "halving", flaky: "flaky", future: "future", silent | rebel: "silent+rebel",
		heavy200 | dripping | spamHigh: "heavy-200+dripping+spam-high",
	} {
		if got := mix.String(); got != want {
			t.Errorf("%x is %q, want %q", uint64(mix), got, want)
		}
	}
}
