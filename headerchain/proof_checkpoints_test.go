package headerchain_test

import (
	"slices"
	"testing"

	"blockgate/headerchain"
	"blockgate/internal/btc"
)

// checkpoint is the first header of a period as two wallets ship it.
type checkpoint struct {
	height btc.Height
	header btc.Header
	work   btc.Work   // of the chain up to and with it (bitcoinj)
	parent btc.Hash   // (Electrum)
	target btc.Target // (Electrum), zero where that ships none
}

func checkpoints(t *testing.T, name string) []checkpoint {
	t.Helper()
	var points []checkpoint
	for _, row := range proofRows(t, name, 5) {
		p := checkpoint{height: proofHeight(t, row[0]), header: proofHeaders(t, row[2])[0]}
		var err error
		if p.work, err = btc.ParseWork(row[1]); err != nil {
			t.Fatal(err)
		}
		if p.parent, err = btc.ParseHash(row[3]); err != nil {
			t.Fatal(err)
		}
		if row[4] != "" {
			if p.target.Uint256, err = btc.ParseUint256(row[4]); err != nil {
				t.Fatal(err)
			}
		}
		points = append(points, p)
	}
	return points
}

// In each period of mainnet and signet every header has the first one's work, so
// the works of two checkpoints say what those of both periods must be.
func TestCheckpointWorkAndTargets(t *testing.T) {
	for _, file := range []struct {
		name  string
		net   btc.Network
		count int
	}{{"checkpoints_mainnet.csv.gz", btc.Mainnet, 436}, {"checkpoints_signet.csv.gz", btc.Signet, 114}} {
		points := checkpoints(t, file.name)
		if len(points) != file.count {
			t.Fatalf("%s: %d rows", file.name, len(points))
		}
		genesis := file.net.Params().Genesis
		before := headerchain.New(file.net).Best().Work // of one block of the period before
		sum := before
		bits := genesis.Bits()
		for i, p := range points {
			if want := btc.Height(i+1) * btc.RetargetInterval; p.height != want {
				t.Fatalf("%s: height %d, want %d", file.name, p.height, want)
			}
			base := headerchain.NewAnchored(file.net, p.header, p.height).Best()
			if base.Hash != p.header.Hash() || base.Height != p.height {
				t.Errorf("%d: %+v", p.height, base)
			}
			sum = sum.Add(before.Mul(btc.RetargetInterval - 1)).Add(base.Work)
			if p.work != sum {
				t.Errorf("%s: height %d: work %v, want %v", file.name, p.height, sum, p.work)
			}
			wantCheckpointHeader(t, file.net, p, bits)
			before, bits = base.Work, p.header.Bits()
		}
	}
}

// wantCheckpointHeader holds a checkpoint to the other wallet's, to its own proof
// of work and to the factor of 4 from the bits of the period before.
func wantCheckpointHeader(t *testing.T, net btc.Network, p checkpoint, before uint32) {
	t.Helper()
	target, err := btc.TargetFromCompact(p.header.Bits())
	if hash := p.header.Hash(); err != nil || !target.Meets(&hash) || target.Compact() != p.header.Bits() {
		t.Errorf("%v %d: no proof of work for bits %08x: %v", net, p.height, p.header.Bits(), err)
	}
	if p.header.Prev() != p.parent {
		t.Errorf("%v %d: parent %v, want %v", net, p.height, p.header.Prev(), p.parent)
	}
	if !p.target.IsZero() && p.target != target {
		t.Errorf("%v %d: target %s, want %s", net, p.height, target.Hex(), p.target.Hex())
	}
	for _, bound := range []struct {
		seconds int64
		sign    int // the real target may be on this side of it
	}{{0, 1}, {btc.RetargetTimespan * 100, -1}} {
		bits, ok := headerchain.Retarget(net.Params(), before, bound.seconds)
		limit, err := btc.TargetFromCompact(bits)
		if !ok || err != nil || target.Cmp(limit.Uint256) == -bound.sign {
			t.Errorf("%v %d: bits %08x, but %08x is the limit after %d s", net, p.height, p.header.Bits(), bits, bound.seconds)
		}
	}
}

// Where the runs of real headers meet checkpoints, hash, parent and work are the
// same; testnet3 has periods with many minimum-difficulty blocks.
func TestCheckpointsInRuns(t *testing.T) {
	files := map[btc.Network]string{
		btc.Mainnet: "checkpoints_mainnet.csv.gz", btc.Signet: "checkpoints_signet.csv.gz", btc.Testnet3: "checkpoints_testnet3.csv.gz",
	}
	met := 0
	for _, run := range runsHere() {
		headers := loadHeaders(t, run.file)
		c := headerchain.NewAnchored(run.net, headers[0], run.height)
		for part := range slices.Chunk(headers[1:], btc.MaxHeaders) {
			mustAccept(t, c, part...)
		}
		var below, here btc.Work // of the last checkpoint: said, and counted from the anchor
		for _, p := range checkpoints(t, files[run.net]) {
			e, ok := c.AtHeight(p.height)
			if !ok {
				continue
			}
			met++
			if e.Header != p.header || e.Header.Prev() != p.parent {
				t.Errorf("%v %d: %v, want %v", run.net, p.height, e.Hash, p.header.Hash())
			}
			switch {
			case run.height == 0 && e.Work != p.work:
				t.Errorf("%v %d: work %v, want %v", run.net, p.height, e.Work, p.work)
			case !below.IsZero() && e.Work.Sub(here) != p.work.Sub(below):
				t.Errorf("%v %d: %v more work, want %v", run.net, p.height, e.Work.Sub(here), p.work.Sub(below))
			}
			below, here = p.work, e.Work
		}
	}
	if met != 5+65+2+4+5+1+11 && !raceDetector {
		t.Errorf("%d checkpoints met", met)
	}
}
