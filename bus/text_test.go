package bus_test

import (
	"errors"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"blockgate/bus"
	"blockgate/internal/btc"
)

func TestCheckID(t *testing.T) {
	for id, good := range map[string]bool{
		"main": true, "a": true, "0-z": true, "-": true, strings.Repeat("a", 32): true,
		"": false, strings.Repeat("a", 33): false, "Main": false, "a.b": false, "a*": false, ">": false, "a b": false, "ä": false, "a_b": false,
	} {
		if err := bus.CheckID(id); (err == nil) != good || err != nil && !errors.Is(err, bus.ErrID) {
			t.Errorf("%q: %v", id, err)
		}
	}
}

func TestNamesOnTheBus(t *testing.T) {
	hash, err := btc.ParseHash("00000000839a8e6886ab5951d76f411475428afc90947ee320161bbf18eb6048")
	if err != nil {
		t.Fatal(err)
	}
	for _, one := range []struct{ got, want string }{
		{bus.StreamName(btc.Testnet4, "a-1"), "BTC_TESTNET4_a-1"},
		{bus.Prefix(btc.Mainnet, "main"), "btc.v1.mainnet.main"},
		{bus.AllOf(btc.Signet, "x", bus.TopicLive), "btc.v1.signet.x.live.>"},
		{bus.DataSubject(btc.Mainnet, "main", 1, hash), "btc.v1.mainnet.main.data.1.00000000839a8e6886ab5951d76f411475428afc90947ee320161bbf18eb6048"},
		{bus.BlockSubject(btc.Mainnet, "main", 1, hash), "btc.v1.mainnet.main.block.1.00000000839a8e6886ab5951d76f411475428afc90947ee320161bbf18eb6048"},
	} {
		if one.got != one.want {
			t.Errorf("got %s, want %s", one.got, one.want)
		}
	}
}

const goodSubject = "btc.v1.regtest.main.block.12.00000000839a8e6886ab5951d76f411475428afc90947ee320161bbf18eb6048"

func TestParseSubject(t *testing.T) {
	got, err := bus.ParseSubject(goodSubject)
	if err != nil || got.Network != btc.Regtest || got.ID != "main" || got.Topic != bus.TopicBlock || got.Height != 12 || got.String() != goodSubject {
		t.Fatalf("got %+v, %v", got, err)
	}
	for i := range goodSubject {
		if _, err := bus.ParseSubject(goodSubject[:i]); !errors.Is(err, bus.ErrSubject) {
			t.Errorf("%q: %v", goodSubject[:i], err)
		}
	}
	for _, change := range [][2]string{
		{"btc.", "btd."},
		{".v1.", ".v2."},
		{"regtest", "Regtest"},
		{"regtest", "simnet"},
		{"main", "Main"},
		{".main.", ".."},
		{"block", "svc"},
		{".12.", ".012."},
		{".12.", ".-1."},
		{".12.", ".2147483648."},
		{".12.", ".x."},
		{"839a", "839A"},
		{"0000", "00000"},
		{"block.", "block.block."},
		{"main", strings.Repeat("a", 200)},
	} {
		text := strings.Replace(goodSubject, change[0], change[1], 1)
		if _, err := bus.ParseSubject(text); !errors.Is(err, bus.ErrSubject) {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func FuzzParseSubject(f *testing.F) {
	f.Add(goodSubject)
	f.Add("btc.v1.mainnet.a.data.0." + strings.Repeat("0", 64))
	f.Fuzz(func(t *testing.T, text string) {
		s, err := bus.ParseSubject(text)
		if err == nil && (s.String() != text || bus.CheckID(s.ID) != nil || s.Height < 0) {
			t.Fatalf("%q is taken as %+v", text, s)
		}
		if err != nil && !errors.Is(err, bus.ErrSubject) {
			t.Fatal(err)
		}
	})
}

func TestSeqSetText(t *testing.T) {
	for text, want := range map[string][]uint64{
		"":                     nil,
		"7":                    {7},
		"1-3":                  {1, 2, 3},
		"12-14,30,16-17":       {12, 13, 14, 30, 16, 17},
		"18446744073709551614": {math.MaxUint64 - 1},
	} {
		s, err := bus.ParseSeqSet(text)
		if err != nil {
			t.Errorf("%q: %v", text, err)
			continue
		}
		var got []uint64
		for part, seq := range s.All {
			if part != len(got) {
				t.Errorf("%q: part %d comes as %d", text, len(got), part)
			}
			got = append(got, seq)
		}
		made, err := bus.SeqSetOf(want...)
		if err != nil || s.String() != text || !slices.Equal(got, want) || s.Len() != len(want) || !s.Equal(made) {
			t.Errorf("%q gives %v as %q, made is %q, %v", text, got, s, made, err)
		}
		if len(want) > 0 && (s.Min() != slices.Min(want) || s.Max() != slices.Max(want)) {
			t.Errorf("%q: from %d to %d", text, s.Min(), s.Max())
		}
	}
	for _, text := range []string{
		"0", "0-1", "01", "+1", "-1", "1-", "1-1", "2-1", "1,2", "1-2,3", "1,1", "1-5,3", "3,1-5", "1,", ",1", "1,,2", "1 ,2", "x",
		"18446744073709551615", "18446744073709551616", "1-18446744073709551614", "1-255", "1,3-256", "1-2-3",
	} {
		if s, err := bus.ParseSeqSet(text); !errors.Is(err, bus.ErrSeqSet) {
			t.Errorf("%q is taken as %v, %v", text, s, err)
		}
	}
	for _, seqs := range [][]uint64{{0}, {math.MaxUint64}, {1, 1}, {1, 2, 1}, {math.MaxUint64, 0}} {
		if s, err := bus.SeqSetOf(seqs...); !errors.Is(err, bus.ErrSeqSet) {
			t.Errorf("%v is taken as %v, %v", seqs, s, err)
		}
	}
}

func TestSeqSetStopsAtItsLimit(t *testing.T) {
	for size, good := range map[int]bool{bus.MaxParts - 1: true, bus.MaxParts: true, bus.MaxParts + 1: false} {
		apart, dense := make([]uint64, size), make([]uint64, size)
		for i := range apart {
			apart[i], dense[i] = math.MaxUint64-1-2*uint64(i), uint64(i+1)
		}
		for _, seqs := range [][]uint64{apart, dense} {
			s, err := bus.SeqSetOf(seqs...)
			if (err == nil) != good {
				t.Errorf("%d sequences: %v", size, err)
			}
			if len(s.String()) > bus.MaxSeqSetLen && good {
				t.Errorf("%d sequences have %d characters", size, len(s.String()))
			}
			if _, err := bus.ParseSeqSet(s.String()); (err == nil) != good {
				t.Errorf("text of %d sequences: %v", size, err)
			}
		}
	}
	if _, err := bus.ParseSeqSet(strings.Repeat("1", bus.MaxSeqSetLen+1)); !errors.Is(err, bus.ErrSeqSet) {
		t.Error(err)
	}
	s, _ := bus.ParseSeqSet("1-9")
	for part := range s.All { // may be left early
		if part == 3 {
			break
		}
	}
}

func FuzzSeqSet(f *testing.F) {
	for _, text := range []string{"", "1", "1-3,9,5-7", "1-254", "18446744073709551614", "1,2", "0-1"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		s, err := bus.ParseSeqSet(text)
		if err != nil {
			if !errors.Is(err, bus.ErrSeqSet) {
				t.Fatal(err)
			}
			return
		}
		seen := map[uint64]bool{}
		var seqs []uint64
		for _, seq := range s.All {
			if seen[seq] || seq == 0 || seq < s.Min() || seq > s.Max() {
				t.Fatalf("%q: sequence %d", text, seq)
			}
			seen[seq] = true
			seqs = append(seqs, seq)
		}
		again, err := bus.SeqSetOf(seqs...)
		if err != nil || again.String() != text || s.String() != text || len(seqs) != s.Len() || len(seqs) > bus.MaxParts {
			t.Fatalf("%q comes back as %q, %v", text, again, err)
		}
	})
}

func goodCursor() bus.Cursor {
	return bus.Cursor{Created: time.Date(2026, 1, 2, 3, 4, 5, 6, time.UTC), Seq: 42, Height: 599, Hash: btc.Hash{1, 2}}
}

const goodCursorText = "blockgate-cursor 1 2026-01-02T03:04:05.000000006Z 42 599 " +
	"0000000000000000000000000000000000000000000000000000000000000201"

func TestCursorText(t *testing.T) {
	if got := goodCursor().String(); got != goodCursorText {
		t.Errorf("got %s, want %s", got, goodCursorText)
	}
	for _, text := range []string{goodCursorText, goodCursorText + "\n"} {
		if got, err := bus.ParseCursor(text); err != nil || got != goodCursor() {
			t.Errorf("%q: %+v, %v", text, got, err)
		}
	}
	bare := bus.Cursor{Height: 1, Hash: btc.Hash{3}} // looked up by its hash
	if got, err := bus.ParseCursor(bare.String()); err != nil || got != bare {
		t.Errorf("%q: %+v, %v", bare, got, err)
	}
	for i := range goodCursorText {
		if _, err := bus.ParseCursor(goodCursorText[:i]); !errors.Is(err, bus.ErrCursor) {
			t.Errorf("%q: %v", goodCursorText[:i], err)
		}
	}
	for _, change := range [][2]string{
		{"blockgate", "Blockgate"},
		{" 1 ", " 0 "},
		{" 1 ", " x "},
		{" 1 ", "  1 "},
		{"2026", "26"},
		{"006Z", "6Z"},
		{"006Z", "006+01:00"},
		{" 42 ", " 042 "},
		{" 42 ", " -1 "},
		{" 42 ", " 18446744073709551615 "},
		{" 599 ", " 2147483648 "},
		{"201", "20G"},
		{"201", "201 "},
		{"201", "201\n\n"},
		{"201", "201" + strings.Repeat("0", 200)},
	} {
		text := strings.Replace(goodCursorText, change[0], change[1], 1)
		if _, err := bus.ParseCursor(text); !errors.Is(err, bus.ErrCursor) {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func TestCursorOfANewerVersion(t *testing.T) {
	for _, text := range []string{"blockgate-cursor 2 of tomorrow", "blockgate-cursor 10", strings.Replace(goodCursorText, " 1 ", " 2 ", 1)} {
		_, err := bus.ParseCursor(text)
		if !errors.Is(err, bus.ErrCursorVersion) || !strings.Contains(err.Error(), "delete the cursor") {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func FuzzParseCursor(f *testing.F) {
	f.Add(goodCursorText)
	f.Add(bus.Cursor{}.String())
	f.Add("blockgate-cursor 2 x")
	f.Fuzz(func(t *testing.T, text string) {
		c, err := bus.ParseCursor(text)
		if err == nil && c.String() != strings.TrimSuffix(text, "\n") {
			t.Fatalf("%q comes back as %q", text, c)
		}
		if err != nil && !errors.Is(err, bus.ErrCursor) && !errors.Is(err, bus.ErrCursorVersion) {
			t.Fatal(err)
		}
	})
}
