package verdict_test

import (
	"testing"

	"blockgate/sandbox/verdict"
)

// Every code of the table has a sentence; all but OK have a reason; and each is
// either well formed, a fault of form or a broken rule.
func TestTable(t *testing.T) {
	texts, rules, forms := map[string]verdict.Code{}, 0, 0
	for n := range 256 {
		c := verdict.Code(n)
		if inside := c >= verdict.OK && c <= verdict.Coinbase; c.Valid() != inside {
			t.Fatalf("code %d: valid %v", n, c.Valid())
		}
		if !c.Valid() {
			if c.Reason() != "" || c.Rule() || c.Claimed() {
				t.Errorf("code %d is not in the table, and says something", n)
			}
			continue
		}
		if other, there := texts[c.String()]; there || c.String() == "" {
			t.Errorf("code %d has the sentence %q of code %d", n, c, other)
		}
		texts[c.String()] = c
		if (c.Reason() == "") != (c == verdict.OK) {
			t.Errorf("code %d, %v: reason %q", n, c, c.Reason())
		}
		switch {
		case c.Rule():
			rules++
		case c != verdict.OK:
			forms++
		}
		if c.Claimed() != (c.Rule() || c == verdict.OK) {
			t.Errorf("code %d: claimed %v", n, c.Claimed())
		}
	}
	if rules != 13 || forms != 11 {
		t.Errorf("%d broken rules and %d faults of form, want 13 and 11", rules, forms)
	}
}

// The numbers are part of the protocol: the first and last of each kind are held.
func TestNumbers(t *testing.T) {
	for c, want := range map[verdict.Code]uint8{
		verdict.OK: 1, verdict.TooLarge: 2, verdict.SuperfluousWitness: 12, verdict.CoinbaseMissing: 13, verdict.NonFinal: 24, verdict.Coinbase: 25,
	} {
		if uint8(c) != want {
			t.Errorf("%v is %d, want %d", c, uint8(c), want)
		}
	}
	if got := verdict.Code(0).String(); got != "verdict(0)" {
		t.Errorf("zero code is %q", got)
	}
}
