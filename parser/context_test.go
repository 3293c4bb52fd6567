package parser_test

import (
	"bytes"
	"encoding/binary"
	"math"
	"slices"
	"testing"

	"blockgate/internal/btc"
	"blockgate/parser"
	"blockgate/sandbox/verdict"
)

// CScript() << height, by Bitcoin Core v30.0 src/script/script.h.
func TestHeightInCoinbase(t *testing.T) {
	for _, c := range []struct {
		height btc.Height
		push   string
	}{
		{1, "\x51"},
		{2, "\x52"},
		{15, "\x5f"},
		{16, "\x60"},
		{17, "\x01\x11"},
		{126, "\x01\x7e"},
		{127, "\x01\x7f"},
		{128, "\x02\x80\x00"},
		{129, "\x02\x81\x00"},
		{254, "\x02\xfe\x00"},
		{255, "\x02\xff\x00"},
		{256, "\x02\x00\x01"},
		{32_767, "\x02\xff\x7f"},
		{32_768, "\x03\x00\x80\x00"},
		{65_535, "\x03\xff\xff\x00"},
		{65_536, "\x03\x00\x00\x01"},
		{8_388_607, "\x03\xff\xff\x7f"},
		{8_388_608, "\x04\x00\x00\x80\x00"},
		{16_777_216, "\x04\x00\x00\x00\x01"},
		{math.MaxInt32, "\x04\xff\xff\xff\x7f"},
	} {
		ctx := parser.Context{Network: btc.Regtest, Height: c.height}
		for _, script := range []struct {
			name, script string
			want         verdict.Code
		}{
			{"the push, and no more", c.push, verdict.OK},
			{"and more", c.push + "blockgate", verdict.OK},
			{"cut", c.push[:len(c.push)-1], verdict.CoinbaseHeight},
			{"in one more byte", string([]byte{byte(len(c.push))}) + c.push[min(1, len(c.push)-1):] + "\x00", verdict.CoinbaseHeight},
			{"by OP_PUSHDATA1", "\x4c" + c.push, verdict.CoinbaseHeight},
			{"behind OP_NOP", "\x61" + c.push, verdict.CoinbaseHeight},
		} {
			if len(script.script) < 2 { // too short before it is wrong
				script.script += "\x00"
				if script.name == "cut" {
					script.script += "\x00"
				}
			}
			body := blockOf(coinbaseOf([]byte(script.script)))
			if got := parser.New().Block(ctx, body, nil); got.Verdict != script.want {
				t.Errorf("height %d, %s, %x: got %q, want %q", c.height, script.name, script.script, got.Verdict, script.want)
			}
		}
		if !bytes.Equal(modelPush(c.height), []byte(c.push)) {
			t.Errorf("height %d: the model pushes %x", c.height, modelPush(c.height))
		}
	}
}

// The rules switch on where Core's parameters say, on each network.
func TestActivation(t *testing.T) {
	const blockTime, medianTime = 1_600_000_000, 1_500_000_000
	noHeight := blockOf(coinbaseOf([]byte("\x00\x00")))
	for net, want := range map[btc.Network]struct{ bip34, csv btc.Height }{
		btc.Mainnet: {227_931, 419_328}, btc.Testnet3: {21_111, 770_112},
		btc.Testnet4: {1, 1}, btc.Signet: {1, 1}, btc.Regtest: {1, 1},
	} {
		for height, inForce := range map[btc.Height]bool{want.bip34 - 1: false, want.bip34: true, want.bip34 + 1: true} {
			code := verdict.OK
			if inForce {
				code = verdict.CoinbaseHeight
			}
			if got := parser.New().Block(parser.Context{Network: net, Height: height}, noHeight, nil); got.Verdict != code {
				t.Errorf("%v, height %d: got %q, want %q", net, height, got.Verdict, code)
			}
		}
		for height, cutoff := range map[btc.Height]uint32{want.csv - 1: blockTime, want.csv: medianTime, want.csv + 1: medianTime} {
			ctx := parser.Context{Network: net, Height: height, MedianTime: medianTime}
			cb := coinbaseOf(append(heightPush(height), 0, 0))
			for lock, code := range map[uint32]verdict.Code{cutoff - 1: verdict.OK, cutoff: verdict.NonFinal, cutoff + 1: verdict.NonFinal} {
				body := blockOf(cb, txOf(lock, spends(1), output))
				binary.LittleEndian.PutUint32(body[68:], blockTime)
				if got := parser.New().Block(ctx, body, nil); got.Verdict != code {
					t.Errorf("%v, height %d, lock time %d: got %q, want %q", net, height, lock, got.Verdict, code)
				}
			}
		}
	}
}

// heightPush is a push of height, none at height 0.
func heightPush(height btc.Height) []byte {
	if height == 0 {
		return nil
	}
	return modelPush(height)
}

func TestFinality(t *testing.T) {
	const height, medianTime = 600_000, 1_700_000_000
	ctx := parser.Context{Network: btc.Mainnet, Height: height, MedianTime: medianTime}
	cb := coinbaseOf(modelPush(height))
	for _, c := range []struct {
		name      string
		lockTime  uint32
		sequences []uint32
		want      verdict.Code
	}{
		{"none", 0, []uint32{0}, verdict.OK},
		{"height n-1", height - 1, []uint32{0}, verdict.OK},
		{"height n", height, []uint32{0}, verdict.NonFinal},
		{"height n+1", height + 1, []uint32{0}, verdict.NonFinal},
		{"time n-1", medianTime - 1, []uint32{0}, verdict.OK},
		{"time n", medianTime, []uint32{0}, verdict.NonFinal},
		{"time n+1", medianTime + 1, []uint32{0}, verdict.NonFinal},
		{"greatest height", 499_999_999, []uint32{0}, verdict.NonFinal},
		{"least time", 500_000_000, []uint32{0}, verdict.OK},
		{"greatest time", math.MaxUint32, []uint32{0}, verdict.NonFinal},
		{"no input cares", math.MaxUint32, []uint32{math.MaxUint32}, verdict.OK},
		{"one input cares a little", math.MaxUint32, []uint32{math.MaxUint32 - 1}, verdict.NonFinal},
		{"the first of two cares", height, []uint32{0, math.MaxUint32}, verdict.NonFinal},
		{"the last of two cares", height, []uint32{math.MaxUint32, 1 << 31}, verdict.NonFinal},
		{"neither of two cares", height, []uint32{math.MaxUint32, math.MaxUint32}, verdict.OK},
	} {
		inputs := make([][]byte, len(c.sequences))
		for i, s := range c.sequences {
			inputs[i] = inputOf(outpoint(i), []byte{0}, s)
		}
		if got := parser.New().Block(ctx, blockOf(cb, tx(), txOf(c.lockTime, inputs, output)), nil); got.Verdict != c.want {
			t.Errorf("%s: got %q, want %q", c.name, got.Verdict, c.want)
		}
		if got := parser.New().Transaction(txOf(c.lockTime, inputs, output)); got.Verdict != verdict.OK {
			t.Errorf("%s alone: %q; it has no place to be final at", c.name, got.Verdict)
		}
	}
	// A coinbase may be locked, too, and then it is not final.
	locked := txOf(height, [][]byte{inputOf(null, modelPush(height), 0)}, output)
	if got := parser.New().Block(ctx, blockOf(locked), nil); got.Verdict != verdict.NonFinal {
		t.Errorf("a coinbase that is locked: %q", got.Verdict)
	}
	// An early lock by height at the height of 0: no height is below it.
	genesis := parser.Context{Network: btc.Regtest}
	if got := parser.New().Block(genesis, blockOf(coinbase, txOf(1, spends(1), output)), nil); got.Verdict != verdict.NonFinal {
		t.Errorf("a lock at genesis: %q", got.Verdict)
	}
}

// Without a place, what hangs on it is not judged, and all else is.
func TestNoPlace(t *testing.T) {
	nowhere := parser.Context{Network: btc.Regtest, Height: -1}
	late := txOf(math.MaxUint32, spends(1), output)
	for want, txs := range map[verdict.Code][][]byte{
		verdict.OK:               {coinbaseOf([]byte{0, 0}), late},
		verdict.DuplicateInputs:  {coinbaseOf([]byte{0, 0}), late, txOf(1, slices.Repeat(spends(1), 2), output)},
		verdict.CoinbaseMultiple: {coinbase, coinbase, late},
	} {
		if got := parser.New().Block(nowhere, blockOf(txs...), nil); got.Verdict != want {
			t.Errorf("got %q, want %q", got.Verdict, want)
		}
	}
}

// Blocks that a rule of too wide a reach would refuse.
func TestExceptions(t *testing.T) {
	for _, c := range []struct {
		name   string
		file   string
		height btc.Height
		want   verdict.Code
	}{
		// The same coinbase, byte for byte, at two heights each (BIP-0030): the walk
		// knows no other block.
		{"duplicated later", "mainnet_0091722.raw", 91_722, verdict.OK},
		{"duplicates it", "mainnet_0091722.raw", 91_880, verdict.OK},
		{"duplicated before", "mainnet_0091842.raw", 91_812, verdict.OK},
		{"duplicates that", "mainnet_0091842.raw", 91_842, verdict.OK},
		// The last ones before BIP-0034 may begin as they like, and some do so with the
		// height of a block that came much later.
		{"last without a height", "mainnet_0091722.raw", 227_930, verdict.OK},
		{"first with a height", "mainnet_0091722.raw", 227_931, verdict.CoinbaseHeight},
	} {
		ctx := parser.Context{Network: btc.Mainnet, Height: c.height}
		if got := parser.New().Block(ctx, block(t, c.file), nil); got.Verdict != c.want {
			t.Errorf("%s: got %q, want %q", c.name, got.Verdict, c.want)
		}
	}
	// Coinbases that begin with a height that came much later, as Bitcoin Core v30.0
	// tells at BIP34_IMPLIES_BIP30_LIMIT, src/validation.cpp: block 176,684 with 490,897.
	for _, height := range []btc.Height{209_921, 490_897, 1_983_702} {
		ctx := parser.Context{Network: btc.Mainnet, Height: 176_684}
		if got := parser.New().Block(ctx, blockOf(coinbaseOf(modelPush(height))), nil); got.Verdict != verdict.OK {
			t.Errorf("coinbase with %d: %q", height, got.Verdict)
		}
		ctx.Height = height
		want := verdict.CoinbaseHeight // a copy of it, were it mined at that height, begins well
		if height < 227_931 {
			want = verdict.OK
		}
		if got := parser.New().Block(ctx, blockOf(coinbaseOf(modelPush(176_684))), nil); got.Verdict != want {
			t.Errorf("height %d, coinbase with 176,684: %q", height, got.Verdict)
		}
	}
}
