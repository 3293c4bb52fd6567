package bus_test

import (
	"bytes"
	"errors"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"blockgate/bus"
	"blockgate/internal/btc"
)

// seqSet is a set that is known to be good.
func seqSet(t testing.TB, seqs ...uint64) bus.SeqSet {
	t.Helper()
	s, err := bus.SeqSetOf(seqs...)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func work(t testing.TB, hex string) btc.Work {
	t.Helper()
	w, err := btc.ParseWork(hex)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// goodEvent is a connect of a block of three body parts and one of the claim.
func goodEvent(t testing.TB) bus.Event {
	t.Helper()
	header := btc.HeaderFields{Version: 1, Prev: btc.Hash{1}, MerkleRoot: btc.Hash{2}, Time: 3, Bits: 0x1d00ffff, Nonce: 4}.Header()
	return bus.Event{
		Kind: bus.Connect, Hash: header.Hash(), Prev: header.Prev(), Height: 7, Header: header,
		Work: work(t, "800"), Best: btc.Hash{9}, BestWork: work(t, "900"), Final: 5,
		Size: 300_000, Parts: 3, ClaimParts: 1, TxCount: 400, DataSeq: seqSet(t, 10, 11, 12, 20), Sha256: [32]byte{8},
		Time: time.Date(2026, 1, 2, 3, 4, 5, 6_000_000, time.UTC), Seq: 21,
	}
}

func goodDisconnect(t testing.TB) bus.Event {
	t.Helper()
	e := goodEvent(t)
	e.Kind, e.Size, e.Parts, e.ClaimParts, e.TxCount, e.DataSeq, e.Sha256 = bus.Disconnect, 0, 0, 0, 0, bus.SeqSet{}, [32]byte{}
	return e
}

// goodReset leaves the block of goodEvent as the tip.
func goodReset(t testing.TB) bus.Event {
	t.Helper()
	e := goodDisconnect(t)
	e.Kind, e.Final = bus.Reset, e.Height
	return e
}

func subjectOf(e bus.Event) string { return bus.BlockSubject(btc.Mainnet, "main", e.Height, e.Hash) }

func sameEvent(a, b bus.Event) bool {
	ah, ap, aerr := a.Encode()
	bh, bp, berr := b.Encode()
	return aerr == nil && berr == nil && maps.EqualFunc(ah, bh, slices.Equal) && bytes.Equal(ap, bp) &&
		a.Hash == b.Hash && a.Height == b.Height && a.Seq == b.Seq
}

func TestEventRoundTrip(t *testing.T) {
	for _, want := range []bus.Event{goodEvent(t), goodDisconnect(t), goodReset(t)} {
		header, payload, err := want.Encode()
		if err != nil {
			t.Fatal(err)
		}
		header["Btc-Later"] = []string{"unknown headers", "do not matter"}
		header["Nats-Msg-Id"] = []string{"x"}
		for _, topic := range []string{".block.", ".live."} {
			subject := strings.Replace(subjectOf(want), ".block.", topic, 1)
			got, err := bus.DecodeEvent(subject, header, payload, want.Seq)
			if err != nil || !sameEvent(got, want) {
				t.Errorf("got %+v, %v\nwant %+v", got, err, want)
			}
		}
	}
}

func TestEventHeadersAsTheyStand(t *testing.T) {
	e := goodEvent(t)
	header, payload, err := e.Encode()
	if err != nil {
		t.Fatal(err)
	}
	want := bus.Header{
		"Btc-V": {"1"}, "Btc-Event": {"connect"},
		"Btc-Prev":      {"0000000000000000000000000000000000000000000000000000000000000001"},
		"Btc-Work":      {"0000000000000000000000000000000000000000000000000000000000000800"},
		"Btc-Best":      {"0000000000000000000000000000000000000000000000000000000000000009"},
		"Btc-Best-Work": {"0000000000000000000000000000000000000000000000000000000000000900"},
		"Btc-Final":     {"5"}, "Btc-Time": {"2026-01-02T03:04:05.006Z"}, "Btc-Size": {"300000"}, "Btc-Parts": {"3"},
		"Btc-Claim-Parts": {"1"}, "Btc-Tx-Count": {"400"}, "Btc-Data-Seq": {"10-12,20"},
		"Btc-Sha256": {"0800000000000000000000000000000000000000000000000000000000000000"},
	}
	if !maps.EqualFunc(header, want, slices.Equal) || !bytes.Equal(payload, e.Header[:]) {
		t.Errorf("got %v, want %v", header, want)
	}
}

func TestEventLimits(t *testing.T) {
	most := make([]uint64, bus.MaxParts)
	for i := range most {
		most[i] = uint64(i + 1)
	}
	for _, one := range []struct {
		name   string
		change func(*bus.Event)
		good   bool
	}{
		{"unchanged", func(*bus.Event) {}, true},
		{"kind 0", func(e *bus.Event) { e.Kind = 0 }, false},
		{"kind 4", func(e *bus.Event) { e.Kind = 4 }, false},
		{"reset", func(e *bus.Event) { *e = goodReset(t) }, true},
		{"reset to genesis", func(e *bus.Event) { *e = goodReset(t); e.Height, e.Final = 0, 0 }, true},
		{"reset below genesis", func(e *bus.Event) { *e = goodReset(t); e.Height, e.Final = -1, -1 }, false},
		{"reset with a final below", func(e *bus.Event) { *e = goodReset(t); e.Final-- }, false},
		{"reset with a final above", func(e *bus.Event) { *e = goodReset(t); e.Final++ }, false},
		{"reset with a body", func(e *bus.Event) { *e = goodReset(t); e.Size = 100 }, false},
		{"height 0", func(e *bus.Event) { e.Height, e.Final = 0, 0 }, false},
		{"height 1", func(e *bus.Event) { e.Height, e.Final = 1, 0 }, true},
		{"height most", func(e *bus.Event) { e.Height = 1<<31 - 1 }, true},
		{"another hash", func(e *bus.Event) { e.Hash[0]++ }, false},
		{"another parent", func(e *bus.Event) { e.Prev[0]++ }, false},
		{"final -1", func(e *bus.Event) { e.Final = -1 }, false},
		{"final at height", func(e *bus.Event) { e.Final = 7 }, true},
		{"final above height", func(e *bus.Event) { e.Final = 8 }, false},
		{"no work", func(e *bus.Event) { e.Work = btc.Work{} }, false},
		{"no best work", func(e *bus.Event) { e.BestWork = btc.Work{} }, false},
		{"year 10000", func(e *bus.Event) { e.Time = time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC) }, false},
		{"size least", func(e *bus.Event) { e.Size, e.Parts, e.TxCount, e.DataSeq = 141, 1, 1, seqSet(t, 1, 2) }, true},
		{"size below", func(e *bus.Event) { e.Size, e.Parts, e.TxCount, e.DataSeq = 140, 1, 1, seqSet(t, 1, 2) }, false},
		{"size most", func(e *bus.Event) { sized(t, e, btc.MaxBlockSize, 33) }, true},
		{"size above", func(e *bus.Event) { sized(t, e, btc.MaxBlockSize+1, 33) }, false},
		{"too few parts", func(e *bus.Event) { sized(t, e, btc.MaxBlockSize, 32) }, false},
		{"most parts", func(e *bus.Event) { sized(t, e, btc.MaxBlockSize, 245) }, true},
		{"too many parts", func(e *bus.Event) { sized(t, e, btc.MaxBlockSize, 246) }, false},
		{"no transaction", func(e *bus.Event) { e.TxCount = 0 }, false},
		{"transactions least in size", func(e *bus.Event) { e.TxCount = e.Size / btc.MinTransactionSize }, true},
		{"transactions too small", func(e *bus.Event) { e.TxCount = e.Size/btc.MinTransactionSize + 1 }, false},
		{"all limits", func(e *bus.Event) {
			e.Size, e.TxCount, e.Parts, e.ClaimParts, e.DataSeq = btc.MaxBlockSize, btc.MaxBlockTransactions, 245, 9, seqSet(t, most...)
			e.Seq = bus.MaxParts + 1
		}, true},
		{"no claim part", func(e *bus.Event) { e.ClaimParts, e.DataSeq = 0, seqSet(t, 1, 2, 3) }, false},
		{"sequence too few", func(e *bus.Event) { e.DataSeq = seqSet(t, 1, 2, 3) }, false},
		{"sequence too many", func(e *bus.Event) { e.DataSeq = seqSet(t, 1, 2, 3, 4, 5) }, false},
		{"part at the event", func(e *bus.Event) { e.Seq = 20 }, false},
		{"part after an event that is nowhere yet", func(e *bus.Event) { e.Seq = 0 }, true},
	} {
		e := goodEvent(t)
		one.change(&e)
		if err := e.Check(); (err == nil) != one.good || err != nil && !errors.Is(err, bus.ErrEvent) {
			t.Errorf("%s: %v, want good %v", one.name, err, one.good)
		}
		header, payload, err := e.Encode()
		if (err == nil) != one.good {
			t.Errorf("%s: encoded: %v", one.name, err)
		}
		if err != nil {
			continue
		}
		if got, err := bus.DecodeEvent(subjectOf(e), header, payload, e.Seq); err != nil || !sameEvent(got, e) {
			t.Errorf("%s: comes back as %+v, %v", one.name, got, err)
		}
	}
	for name, change := range map[string]func(*bus.Event){
		"final at height": func(e *bus.Event) { e.Final = e.Height },
		"size":            func(e *bus.Event) { e.Size = 1 },
		"parts":           func(e *bus.Event) { e.Parts = 1 },
		"claim parts":     func(e *bus.Event) { e.ClaimParts = 1 },
		"transactions":    func(e *bus.Event) { e.TxCount = 1 },
		"sequences":       func(e *bus.Event) { e.DataSeq = seqSet(t, 1) },
		"digest":          func(e *bus.Event) { e.Sha256[0] = 1 },
	} {
		e := goodDisconnect(t)
		change(&e)
		if err := e.Check(); !errors.Is(err, bus.ErrEvent) {
			t.Errorf("disconnect with %s: %v", name, err)
		}
	}
}

// sized gives the event a body of that size in that many parts.
func sized(t testing.TB, e *bus.Event, size, parts int) {
	t.Helper()
	seqs := make([]uint64, parts+1)
	for i := range seqs {
		seqs[i] = uint64(i + 1)
	}
	e.Size, e.Parts, e.DataSeq, e.Seq = size, parts, seqSet(t, seqs...), uint64(parts+2)
}

func TestDecodeEventIsStrict(t *testing.T) {
	good := goodEvent(t)
	for name, values := range map[string][]string{
		"Btc-V":           {"", "2", "01", " 1", strings.Repeat("1", 100)},
		"Btc-Event":       {"", "Connect", "side", "connect ", strings.Repeat("x", 100)},
		"Btc-Prev":        {"", "00", strings.Repeat("0", 63) + "A", strings.Repeat("0", 65), strings.Repeat("z", 64)},
		"Btc-Work":        {"", "800", strings.Repeat("0", 64), strings.Repeat("0", 60) + "0x80", strings.Repeat("A", 64), strings.Repeat("1", 65)},
		"Btc-Best":        {"", strings.Repeat("0", 63), strings.Repeat("F", 64)},
		"Btc-Best-Work":   {"", strings.Repeat("0", 64), "1"},
		"Btc-Final":       {"", "-1", "05", "+5", "8", "2147483648", "5 ", "99999999999999999999999"},
		"Btc-Time":        {"", "2026-01-02T03:04:05Z", "2026-01-02T03:04:05.0060Z", "2026-01-02T03:04:05.006+00:00", "2026-13-02T03:04:05.006Z"},
		"Btc-Size":        {"", "0300000", "4000001", "0x493e0", "1e5", "140"},
		"Btc-Parts":       {"", "0", "4", "255", "-3"},
		"Btc-Claim-Parts": {"", "0", "2", "255"},
		"Btc-Tx-Count":    {"", "0", "16667", "0400"},
		"Btc-Data-Seq":    {"", "10-12", "10-12,20,", ",10-12,20", "10,11,12,20", "10-12,12", "0-2,20", "10-12,21", "10-12, 20", strings.Repeat("1", bus.MaxSeqSetLen+1)},
		"Btc-Sha256":      {"", "08", strings.Repeat("0", 63) + "G", strings.Repeat("A", 64)},
	} {
		for _, value := range values {
			header, payload, err := good.Encode()
			if err != nil {
				t.Fatal(err)
			}
			header[name] = []string{value}
			if got, err := bus.DecodeEvent(subjectOf(good), header, payload, good.Seq); !errors.Is(err, bus.ErrEvent) {
				t.Errorf("%s: %.80q gives %+v, %v", name, value, got, err)
			}
		}
		for _, count := range []int{0, 2} {
			header, payload, _ := good.Encode()
			header[name] = slices.Repeat(header[name], count)
			if _, err := bus.DecodeEvent(subjectOf(good), header, payload, good.Seq); !errors.Is(err, bus.ErrEvent) {
				t.Errorf("%s stands %d times: %v", name, count, err)
			}
		}
	}
	header, payload, _ := good.Encode()
	for size := range len(payload) {
		if _, err := bus.DecodeEvent(subjectOf(good), header, payload[:size], good.Seq); !errors.Is(err, bus.ErrEvent) {
			t.Errorf("payload of %d bytes: %v", size, err)
		}
	}
	if _, err := bus.DecodeEvent(subjectOf(good), header, append(payload, 0), good.Seq); !errors.Is(err, bus.ErrEvent) {
		t.Errorf("payload of 81 bytes: %v", err)
	}
	part := bus.DataSubject(btc.Mainnet, "main", good.Height, good.Hash)
	if _, err := bus.DecodeEvent(part, header, good.Header[:], good.Seq); !errors.Is(err, bus.ErrSubject) {
		t.Errorf("on the subject of parts: %v", err)
	}
	gone := goodDisconnect(t)
	header, payload, _ = gone.Encode()
	header["Btc-Size"] = []string{"300000"}
	if _, err := bus.DecodeEvent(subjectOf(gone), header, payload, 0); !errors.Is(err, bus.ErrEvent) {
		t.Errorf("disconnect with a size: %v", err)
	}
}

func TestPartHeader(t *testing.T) {
	for _, index := range []int{0, 1, bus.MaxParts - 1} {
		if got, err := bus.DecodePart(bus.EncodePart(index), bus.PartSize); err != nil || got != index {
			t.Errorf("part %d comes back as %d, %v", index, got, err)
		}
	}
	for name, one := range map[string]struct {
		header bus.Header
		size   int
	}{
		"index above": {bus.EncodePart(bus.MaxParts), 1},
		"index below": {bus.EncodePart(-1), 1},
		"empty":       {bus.EncodePart(0), 0},
		"too large":   {bus.EncodePart(0), bus.PartSize + 1},
		"no index":    {bus.Header{"Btc-V": {"1"}}, 1},
		"no version":  {bus.Header{"Btc-Part": {"1"}}, 1},
		"version 2":   {bus.Header{"Btc-V": {"2"}, "Btc-Part": {"1"}}, 1},
	} {
		if _, err := bus.DecodePart(one.header, one.size); !errors.Is(err, bus.ErrEvent) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestLimitsAddUp(t *testing.T) {
	e := goodEvent(t)
	header, payload, err := e.Encode()
	if err != nil {
		t.Fatal(err)
	}
	size := len(payload) + bus.MaxSeqSetLen
	for name, values := range header {
		size += len(name) + len(values[0]) + len(": \r\n")
	}
	if size > bus.MessageOverhead {
		t.Errorf("an event may have %d bytes, %d are left for it", size, bus.MessageOverhead)
	}
	if bus.MaxParts != 254 || 500*(bus.PartSize+1024) > 64<<20 {
		t.Errorf("%d parts of %d bytes", bus.MaxParts, bus.PartSize)
	}
	if subject := bus.DataSubject(btc.Testnet3, strings.Repeat("a", 32), 1<<31-1, btc.Hash{}); len(subject) > bus.MaxSubjectLen {
		t.Errorf("subject of %d characters", len(subject))
	}
}

func TestStoredConnectKeepsAll(t *testing.T) {
	e := goodEvent(t)
	s := bus.Stored{
		Hash: e.Hash, Height: e.Height, Header: e.Header, Size: e.Size, Parts: e.Parts, ClaimParts: e.ClaimParts,
		TxCount: e.TxCount, DataSeq: e.DataSeq, Sha256: e.Sha256, Epoch: 5,
	}
	got := s.Connect()
	if got.Epoch != 5 {
		t.Errorf("epoch %d", got.Epoch)
	}
	got.Work, got.Best, got.BestWork, got.Final, got.Time, got.Seq = e.Work, e.Best, e.BestWork, e.Final, e.Time, e.Seq
	if !sameEvent(got, e) {
		t.Errorf("got %+v, want %+v", got, e)
	}
}

func FuzzDecodeEvent(f *testing.F) {
	for _, e := range []bus.Event{goodEvent(f), goodDisconnect(f)} {
		header, payload, err := e.Encode()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(subjectOf(e), headerText(header), payload, e.Seq)
	}
	f.Fuzz(func(t *testing.T, subject, headers string, payload []byte, seq uint64) {
		header := bus.Header{}
		for line := range strings.SplitSeq(headers, "\n") {
			name, value, _ := strings.Cut(line, ":")
			header[name] = append(header[name], value)
		}
		e, err := bus.DecodeEvent(subject, header, payload, seq)
		if err != nil {
			return
		}
		again, kept, err := e.Encode() // what is taken has one form
		if err != nil || !bytes.Equal(kept, payload) || e.Seq != seq {
			t.Fatalf("%+v does not encode: %v", e, err)
		}
		for name, values := range again {
			if !slices.Equal(values, header[name]) {
				t.Fatalf("%s: %q came in, %q goes out", name, header[name], values)
			}
		}
		at, err := bus.ParseSubject(subject)
		if err != nil || at.Hash != e.Header.Hash() || at.Height != e.Height {
			t.Fatalf("%q: %v", subject, err)
		}
		if _, err := strconv.Atoi(again["Btc-Final"][0]); err != nil {
			t.Fatal(err)
		}
	})
}

// headerText writes a header as the fuzz target reads it.
func headerText(header bus.Header) string {
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(header)) {
		for _, value := range header[name] {
			b.WriteString(name + ":" + value + "\n")
		}
	}
	return strings.TrimSuffix(b.String(), "\n")
}
