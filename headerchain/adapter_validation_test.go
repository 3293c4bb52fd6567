package headerchain_test

import (
	"errors"
	"testing"
	"time"

	"blockgate/headerchain"
	"blockgate/internal/btc"
)

func TestAdapterValidation(t *testing.T) {
	runCases(t, []adapterCase{
		{"a header of mainnet on its parent", caseCanister("mainnet", 705_600)},
		{"a header of testnet3 on its parent", caseCanister("testnet3", 2_132_555)},
		{"2633 headers from 586657 on", caseWindow},
		{"the header before is missing", caseMissingPrev},
		{"the hash misses the header's own target", caseOwnTarget},
		{"the target is not the computed one", caseComputedTarget},
		{"the target is above the limit", caseAboveLimit},
		{"regtest's next target is that of the last real block", caseRegtestTarget},
		{"testnet4 keeps its difficulty after an easy block, testnet3 does not", caseEasyLast},
		{"a period that ends before it began", caseBackdated},
		{"the next targets of mainnet", caseTargetsOf(longRun, btc.Mainnet, 150_000, 0)},
		{"the next targets of testnet3", caseTargetsOf("testnet3_0-22176.bin.gz", btc.Testnet3, 0, 3000)},
		{"two hours ahead", caseTwoHours},
	})
}

// canisterHeaders returns the real headers of a network's rows.
func canisterHeaders(t *testing.T, network string) []btc.Header {
	t.Helper()
	var headers []btc.Header
	for _, row := range proofRows(t, "canister_headers.csv", 3) {
		if row[0] == network {
			headers = append(headers, proofHeaders(t, row[2])...)
		}
	}
	return headers
}

func caseCanister(network string, height btc.Height) func(*testing.T) {
	return func(t *testing.T) {
		net, err := btc.ParseNetwork(network)
		if err != nil {
			t.Fatal(err)
		}
		headers := canisterHeaders(t, network)
		c := headerchain.NewAnchored(net, headers[0], height)
		mustAccept(t, c, headers[1:]...)
		wantBest(t, c, headers[len(headers)-1], height+btc.Height(len(headers)-1))
	}
}

func caseWindow(t *testing.T) {
	headers := loadHeaders(t, "mainnet_586655-589289.bin.gz")
	c := headerchain.NewAnchored(btc.Mainnet, headers[1], 586_656)
	if done := mustAccept(t, c, headers[2:]...); done.New != 2633 {
		t.Errorf("%+v", done)
	}
	wantBest(t, c, headers[len(headers)-1], 589_289)
}

func caseMissingPrev(t *testing.T) {
	headers := canisterHeaders(t, "mainnet")
	c := headerchain.NewAnchored(btc.Mainnet, headers[0], 705_600)
	if _, err := c.Accept(headers[2:], farFuture); !errors.Is(err, headerchain.ErrUnlinked) {
		t.Error(err)
	}
	wantBest(t, c, headers[0], 705_600)
}

// sayingBits is a real header that says it was easier.
func sayingBits(header btc.Header, bits uint32) btc.Header {
	return btc.HeaderFields{
		Version: header.Version(), Prev: header.Prev(), MerkleRoot: header.MerkleRoot(),
		Time: header.Time(), Bits: bits, Nonce: header.Nonce(),
	}.Header()
}

func caseOwnTarget(t *testing.T) {
	headers := canisterHeaders(t, "mainnet")
	c := headerchain.NewAnchored(btc.Mainnet, headers[0], 705_600)
	easier := sayingBits(headers[1], btc.Mainnet.Params().PowLimitBits)
	if _, err := c.Accept([]btc.Header{easier}, farFuture); !errors.Is(err, headerchain.ErrHighHash) {
		t.Error(err)
	}
}

func caseComputedTarget(t *testing.T) {
	genesis := regtestGenesis()
	anchor := bits(child(&genesis, 0), btc.Mainnet.Params().PowLimitBits).Header()
	c := headerchain.NewAnchored(btc.Regtest, anchor, 0)
	easier := mine(bits(child(&anchor, 0), btc.Regtest.Params().PowLimitBits))
	if _, err := c.Accept([]btc.Header{easier}, farFuture); !errors.Is(err, headerchain.ErrBits) {
		t.Error(err)
	}
}

func caseAboveLimit(t *testing.T) {
	headers := canisterHeaders(t, "mainnet")
	c := headerchain.NewAnchored(btc.Mainnet, headers[0], 705_600)
	easier := sayingBits(headers[1], btc.Regtest.Params().PowLimitBits)
	if _, err := c.Accept([]btc.Header{easier}, farFuture); !errors.Is(err, headerchain.ErrTarget) {
		t.Error(err)
	}
}

func caseRegtestTarget(t *testing.T) {
	const hard = 0x201fffff
	genesis := regtestGenesis()
	for length := range 10 {
		tip := bits(child(&genesis, 0), hard).Header()
		c := headerchain.NewAnchored(btc.Regtest, tip, 0)
		for range length { // easy blocks, each late
			tip = at(bits(child(&tip, 0), btc.Regtest.Params().PowLimitBits), tip.Time()+1201).Header()
			if err := c.AcceptUnproven(tip, farFuture); err != nil {
				t.Fatal(err)
			}
		}
		judge(t, c, farFuture, []judged{
			{"easy, on time", bits(child(&tip, 1), btc.Regtest.Params().PowLimitBits), headerchain.ErrBits},
			{"hard, on time", bits(child(&tip, 1), hard), nil},
		})
	}
}

func caseEasyLast(t *testing.T) {
	for _, tc := range []struct {
		net  btc.Network
		want uint32
	}{{btc.Testnet4, 470_810_608}, {btc.Testnet3, 473_956_288}} {
		genesis := tc.net.Params().Genesis
		tip := bits(child(&genesis, 0), 473_956_288).Header()
		c := headerchain.NewAnchored(tc.net, tip, 0)
		for i := 1; i < btc.RetargetInterval; i++ {
			f := at(child(&tip, 0), tip.Time()+1)
			if i == btc.RetargetInterval-1 { // late, as it must be to be easy
				f = at(bits(f, tc.net.Params().PowLimitBits), tip.Time()+1201)
			}
			tip = f.Header()
			if err := c.AcceptUnproven(tip, farFuture); err != nil {
				t.Fatal(err)
			}
		}
		for _, bad := range []uint32{tc.want - 1, tc.want + 1} {
			judge(t, c, farFuture, []judged{{tc.net.String(), bits(child(&tip, 1), bad), headerchain.ErrBits}})
		}
		judge(t, c, farFuture, []judged{{tc.net.String(), bits(child(&tip, 1), tc.want), nil}})
	}
}

// A block may be older than the one before, as long as it is younger than the
// median, so that a period can end before it began. It counts as a quarter.
func caseBackdated(t *testing.T) {
	const limit, want = 486_604_799, 473_956_288
	for _, net := range []btc.Network{btc.Testnet3, btc.Testnet4, btc.Mainnet} {
		if got, ok := headerchain.Retarget(net.Params(), limit, -(btc.RetargetInterval - 2)); !ok || got != want {
			t.Errorf("%v: %d, want %d", net, got, want)
		}
		genesis := net.Params().Genesis
		tip := bits(child(&genesis, 0), limit).Header()
		first := tip.Time()
		c := headerchain.NewAnchored(net, tip, 4*btc.RetargetInterval)
		for i := uint32(1); i < btc.RetargetInterval; i++ {
			tip = at(child(&tip, 0), first-2*btc.RetargetInterval+i).Header()
			if err := c.AcceptUnproven(tip, farFuture); err != nil {
				t.Fatal(err)
			}
		}
		if tip.Time() >= first {
			t.Fatal("the period ends after it began")
		}
		judge(t, c, farFuture, []judged{
			{"unchanged", bits(child(&tip, 1), limit), headerchain.ErrBits},
			{"a quarter", bits(child(&tip, 1), want), nil},
		})
	}
}

// caseTargetsOf wants the bits of each real header to be what the slow rule, which
// walks and looks at all of them, asks for, and at least easy of them to have the
// limit's within a period that has others.
func caseTargetsOf(file string, net btc.Network, base btc.Height, easy int) func(*testing.T) {
	return func(t *testing.T) {
		if raceDetector && file == longRun {
			file, base = "mainnet_822527-830592.bin.gz", 822_527
		}
		headers := loadHeaders(t, file)
		params := net.Params()
		limits := 0
		for i := 1; i < len(headers); i++ {
			height := base + btc.Height(i)
			want := headers[i-1].Bits()
			switch first := i - btc.RetargetInterval; {
			case height%btc.RetargetInterval == 0 && first < 0:
				continue // the period began below the file
			case height%btc.RetargetInterval == 0:
				want = slowRetarget(params, want, int64(headers[i-1].Time())-int64(headers[first].Time()))
			case params.MinDifficultyBlocks:
				want = slowEasy(params, headers[:i], base, headers[i].Time())
			}
			if got := headers[i].Bits(); got != want {
				t.Fatalf("height %d: bits %08x, want %08x", height, got, want)
			}
			if want == params.PowLimitBits && headers[i/btc.RetargetInterval*btc.RetargetInterval].Bits() != want {
				limits++
			}
		}
		if limits < easy {
			t.Errorf("%d easy headers, want at least %d", limits, easy)
		}
	}
}

// slowEasy is the 20-minute rule with its walk.
func slowEasy(params *btc.Params, headers []btc.Header, base btc.Height, time uint32) uint32 {
	last := len(headers) - 1
	if int64(time) > int64(headers[last].Time())+1200 {
		return params.PowLimitBits
	}
	for last > 0 && (base+btc.Height(last))%btc.RetargetInterval != 0 && headers[last].Bits() == params.PowLimitBits {
		last--
	}
	return headers[last].Bits()
}

func caseTwoHours(t *testing.T) {
	header := mine(child(&btc.Regtest.Params().Genesis, 0))
	for ahead, want := range map[int64]error{7199: nil, 7200: nil, 7201: headerchain.ErrTimeTooNew} {
		c := headerchain.New(btc.Regtest)
		now := time.Unix(int64(header.Time())-ahead, 0)
		if _, err := c.Accept([]btc.Header{header}, now); !errors.Is(err, want) || (err == nil) != (want == nil) {
			t.Errorf("%d s ahead: %v, want %v", ahead, err, want)
		}
	}
}
