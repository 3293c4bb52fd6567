package signet_test

import (
	"bytes"
	"errors"
	"slices"
	"testing"

	"blockgate/internal/btc"
	"blockgate/sandbox/signet"
)

// Every real block is signed, and no bit of what is signed, or of the signature, may
// change.
func TestRealBlocks(t *testing.T) {
	c := parse(t, unhex(t, publicScript))
	for i, b := range realBlocks(t) {
		if err := b.check(c); err != nil {
			t.Errorf("height %d: %v", i+1, err)
		}
	}
}

func TestRealBlockFlipped(t *testing.T) {
	c := parse(t, unhex(t, publicScript))
	b := realBlocks(t)[4]
	const rootAt, bitsAt = 36, 72 // what lies there is not signed, or only with the coinbase cleared
	step := 1                     // every bit, but where that takes too long
	if raceDetector || testing.Short() {
		step = 11
	}
	for bit := 0; bit < 8*btc.HeaderSize; bit += step {
		changed := b
		changed.header[bit/8] ^= 1 << (bit % 8)
		at := bit / 8
		free := at >= rootAt && at < rootAt+btc.HashSize || at >= bitsAt
		if err := changed.check(c); free != (err == nil) || err != nil && !errors.Is(err, signet.ErrSignature) {
			t.Errorf("bit %d of the header: %v", bit, err)
		}
	}
	end := len(b.coinbase) - 4 - b.witness
	for at := 0; at < len(b.coinbase); at += step {
		changed := b
		changed.coinbase = slices.Clone(b.coinbase)
		changed.coinbase[at] ^= 1
		unsigned := at == 4 || at == 5 || at >= end && at < end+b.witness // marker, flag, witness
		if err := changed.check(c); unsigned != (err == nil) {
			t.Errorf("byte %d of the coinbase: %v", at, err)
		}
	}
	if err := c.CheckSolution(b.header, b.coinbase, b.witness, func(h btc.Hash) btc.Hash { h[0] ^= 1; return h }); !errors.Is(err, signet.ErrSignature) {
		t.Errorf("another root: %v", err)
	}
	for n := range b.coinbase[:end] { // whatever is cut off, nothing is read beyond the end
		changed := b
		changed.coinbase = append(slices.Clone(b.coinbase[:n]), make([]byte, 4+b.witness)...)
		if n >= 6 && changed.check(c) == nil {
			t.Errorf("cut at %d: accepted", n)
		}
	}
	if err := b.check(parse(t, single(1))); !errors.Is(err, signet.ErrSignature) {
		t.Errorf("another key: %v", err)
	}
}

// Solutions of one's own, for challenges of both forms, judged by btcd's engine too.
func TestSolutions(t *testing.T) {
	const all = 1
	plain := append(slices.Clone(commitment), pushOf(nil)...) // what is signed
	one, two := single(1), multi(2, 1, 2, 3)
	by := func(challenge []byte, numbers ...byte) [][]byte { return sign(t, challenge, plain, all, numbers...) }
	empty := []byte{}
	for _, c := range []struct {
		name      string
		challenge []byte
		scriptSig []byte
		want      error
	}{
		{"one key", one, pushes(by(one, 1)...), nil},
		{"one key, more below", one, pushes(append([][]byte{{9}, empty}, by(one, 1)...)...), nil},
		{"one key, more above", one, pushes(append(by(one, 1), empty)...), signet.ErrSignature},
		{"one key, another's", one, pushes(by(one, 2)...), signet.ErrSignature},
		{"one key, for another challenge", one, pushes(by(two, 1)...), signet.ErrSignature},
		{"one key, nothing", one, nil, signet.ErrSignature},
		{"one key, empty signature", one, pushes(empty), signet.ErrSignature},
		{"one key, a byte for a signature", one, pushes([]byte{all}), signet.ErrSignature},
		{"two of three, first and second", two, pushes(append([][]byte{empty}, by(two, 1, 2)...)...), nil},
		{"two of three, first and third", two, pushes(append([][]byte{empty}, by(two, 1, 3)...)...), nil},
		{"two of three, second and third", two, pushes(append([][]byte{empty}, by(two, 2, 3)...)...), nil},
		{"two of three, more below", two, pushes(append([][]byte{{1}, empty}, by(two, 2, 3)...)...), nil},
		{"two of three, wrong order", two, pushes(append([][]byte{empty}, by(two, 2, 1)...)...), signet.ErrSignature},
		{"two of three, one twice", two, pushes(append([][]byte{empty}, by(two, 1, 1)...)...), signet.ErrSignature},
		{"two of three, one", two, pushes(append([][]byte{empty}, by(two, 1)...)...), signet.ErrSignature},
		{"two of three, all three", two, pushes(append([][]byte{empty}, by(two, 1, 2, 3)...)...), signet.ErrSignature},
		{"two of three, no dummy", two, pushes(by(two, 1, 2)...), signet.ErrSignature},
		{"two of three, dummy of a zero", two, pushes(append([][]byte{{0}}, by(two, 1, 2)...)...), signet.ErrSignature},
		{"two of three, dummy by OP_1", two, append([]byte{0x51}, pushes(by(two, 1, 2)...)...), signet.ErrSignature},
		{"two of three, one bad signature", two, pushes(empty, by(two, 1)[0], []byte{0x30, all}), signet.ErrSignature},
		{"an operation", one, append([]byte{0x61}, pushes(by(one, 1)...)...), signet.ErrForm}, // btcd would run it
		{"half a push", one, pushes(by(one, 1)...)[:30], signet.ErrForm},
		{"OP_RESERVED", one, append([]byte{0x50}, pushes(by(one, 1)...)...), signet.ErrForm},
		{"all short pushes", one, append([]byte{0, 0x4f, 0x51, 0x60, 0x4c, 0, 0x4d, 0, 0, 0x4e, 0, 0, 0, 0}, pushes(by(one, 1)...)...), nil},
	} {
		b := blockOf(append(slices.Clone(commitment), pushOf(solutionOf(c.scriptSig))...))
		if err := b.check(parse(t, c.challenge)); !errors.Is(err, c.want) {
			t.Errorf("%s: got %v, want %v", c.name, err, c.want)
		}
		if btcd := btcdAccepts(t, c.challenge, plain, c.scriptSig); btcd != (c.want == nil) && c.name != "an operation" {
			t.Errorf("%s: btcd accepts %v", c.name, btcd)
		}
	}
}

// Any hash type is taken, and each signs what it should.
func TestHashTypes(t *testing.T) {
	plain := append(slices.Clone(commitment), pushOf(nil)...)
	challenge := multi(1, 1, 2)
	c := parse(t, challenge)
	step := 1
	if raceDetector || testing.Short() {
		step = 11
	}
	for hashType := 0; hashType < 256; hashType += step {
		signature := sign(t, challenge, plain, byte(hashType), 2)[0]
		b := blockOf(append(slices.Clone(commitment), pushOf(solutionOf(pushes(nil, signature)))...))
		if err := b.check(c); err != nil {
			t.Errorf("hash type %#x: %v", hashType, err)
		}
		signature[len(signature)-1] ^= 0x40
		b = blockOf(append(slices.Clone(commitment), pushOf(solutionOf(pushes(nil, signature)))...))
		if err := b.check(c); !errors.Is(err, signet.ErrSignature) {
			t.Errorf("hash type %#x for %#x: %v", hashType^0x40, hashType, err)
		}
	}
}

// Where a solution may stand, and what is signed of the commitment around it.
func TestWhereTheSolutionIs(t *testing.T) {
	challenge := single(1)
	c := parse(t, challenge)
	long := bytes.Repeat([]byte{5}, 300)
	for _, v := range []struct {
		name   string
		signed []byte                       // the commitment's script when cleared, behind the commitment
		carry  func(solution []byte) []byte // the same with the solution
		want   error
	}{
		{"alone", pushOf(nil), pushOf, nil},
		{"by a longer push", pushOf(nil), func(s []byte) []byte {
			b := append([]byte{0xec, 0xc7, 0xda, 0xa2}, s...)
			return append([]byte{0x4d, byte(len(b)), 0}, b...)
		}, nil},
		{"behind another push", append([]byte{2, 1, 1}, pushOf(nil)...), func(s []byte) []byte { return append([]byte{2, 1, 1}, pushOf(s)...) }, nil},
		{"behind a long one, written longer", slices.Concat([]byte{0x4d, 0x2c, 1}, long, pushOf(nil)), func(s []byte) []byte {
			return slices.Concat([]byte{0x4e, 0x2c, 1, 0, 0}, long, pushOf(s))
		}, nil},
		{"behind operations", append([]byte{0, 0x51, 0xac}, pushOf(nil)...), func(s []byte) []byte { return append([]byte{0, 0x51, 0xac}, pushOf(s)...) }, nil},
		{"behind an empty long push", append([]byte{0x4c}, pushOf(nil)...), func(s []byte) []byte { return append([]byte{0x4c, 0}, pushOf(s)...) }, nil},
		{"behind the header without more", append(pushOf(nil), pushOf(nil)...), func(s []byte) []byte { return append(pushOf(nil), pushOf(s)...) }, nil},
		{"before a second header", append(pushOf(nil), pushOf([]byte{1})...), func(s []byte) []byte { return append(pushOf(s), pushOf([]byte{1})...) }, nil},
		{"before half a push", pushOf(nil), func(s []byte) []byte { return append(pushOf(s), 9, 1) }, nil},
		{"behind half a push", pushOf(nil), func(s []byte) []byte { return append([]byte{0x4d, 0xff}, pushOf(s)...) }, signet.ErrNoSolution},
		{"the second of two", append(pushOf([]byte{1}), pushOf(nil)...), func(s []byte) []byte { return append(pushOf([]byte{0, 0}), pushOf(s)...) }, signet.ErrSignature},
		{"under another header", pushOf(nil), func(s []byte) []byte {
			b := pushOf(s)
			b[len(b)-len(s)-1] ^= 1
			return b
		}, signet.ErrNoSolution},
		{"with a byte behind it", pushOf(nil), func(s []byte) []byte { return pushOf(append(s, 0)) }, signet.ErrForm},
		{"with a witness", pushOf(nil), func(s []byte) []byte { return pushOf(append(s[:len(s)-1:len(s)-1], 1, 0)) }, signet.ErrForm},
		{"without a witness count", pushOf(nil), func(s []byte) []byte { return pushOf(s[:len(s)-1]) }, signet.ErrForm},
		{"its length in three bytes", pushOf(nil), func(s []byte) []byte { return pushOf(append([]byte{0xfd, s[0], 0}, s[1:]...)) }, signet.ErrForm},
		{"nowhere", nil, func([]byte) []byte { return nil }, signet.ErrNoSolution},
	} {
		signed := append(slices.Clone(commitment), v.signed...)
		solution := solutionOf(pushes(sign(t, challenge, signed, 1, 1)...))
		b := blockOf(append(slices.Clone(commitment), v.carry(solution)...))
		if err := b.check(c); !errors.Is(err, v.want) {
			t.Errorf("%s: got %v, want %v", v.name, err, v.want)
		}
	}
}

// The commitment is the last output that looks like one.
func TestNoCommitment(t *testing.T) {
	c := parse(t, single(1))
	short := commitment[:len(commitment)-1]
	for _, scripts := range [][][]byte{{}, {{0x51}}, {short}, {append([]byte{0x51}, commitment...)}} {
		if err := blockOf(scripts...).check(c); !errors.Is(err, signet.ErrNoSolution) {
			t.Errorf("%x: %v", scripts, err)
		}
	}
	for _, raw := range [][]byte{nil, make([]byte, 40), make([]byte, 41), bytes.Repeat([]byte{0xff}, 80)} {
		if err := (block{coinbase: raw}).check(c); !errors.Is(err, signet.ErrNoSolution) {
			t.Errorf("a coinbase of %d bytes: %v", len(raw), err)
		}
	}
}

// The limits of a script, each at n-1, n and n+1.
func TestScriptLimits(t *testing.T) {
	challenge := single(1)
	c := parse(t, challenge)
	plain := append(slices.Clone(commitment), pushOf(nil)...)
	signature := pushes(sign(t, challenge, plain, 1, 1)...)
	long := func(n int) []byte { return append([]byte{0x4d, byte(n), byte(n >> 8)}, make([]byte, n)...) }
	carry := func(scriptSig []byte) block {
		b := append([]byte{0xec, 0xc7, 0xda, 0xa2}, solutionOf(scriptSig)...)
		return blockOf(slices.Concat(commitment, []byte{0x4d, byte(len(b)), byte(len(b) >> 8)}, b))
	}
	filled := func(n int) []byte { // a script of n bytes, few pushes
		script := bytes.Repeat(long(500), 19)
		return append(append(script, long(n-len(script)-len(signature)-3)...), signature...)
	}
	for _, v := range []struct {
		name      string
		scriptSig []byte
		want      error
	}{
		{"element n-1", append(long(519), signature...), nil},
		{"element n", append(long(520), signature...), nil},
		{"element n+1", append(long(521), signature...), signet.ErrForm},
		{"script n-1", filled(9999), nil},
		{"script n", filled(10000), nil},
		{"script n+1", filled(10001), signet.ErrForm},
		{"stack n-1", append(make([]byte, 997), signature...), nil},
		{"stack n", append(make([]byte, 998), signature...), nil},
		{"stack n+1", append(make([]byte, 999), signature...), signet.ErrForm},
	} {
		if err := carry(v.scriptSig).check(c); !errors.Is(err, v.want) {
			t.Errorf("%s: got %v, want %v", v.name, err, v.want)
		}
		if btcd := btcdAccepts(t, challenge, plain, v.scriptSig); btcd != (v.want == nil) {
			t.Errorf("%s: btcd accepts %v", v.name, btcd)
		}
	}
}
