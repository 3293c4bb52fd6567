package signet_test

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"testing"

	"blockgate/sandbox/signet"
)

func TestParse(t *testing.T) {
	sixteen := []byte{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16}
	noPoint := slices.Clone(single(1))
	copy(noPoint[1:], append([]byte{2}, bytes.Repeat([]byte{0xff}, 32)...))
	otherPrefix := slices.Clone(single(1))
	otherPrefix[1] = 5
	change := func(script []byte, at int, b byte) []byte {
		script = slices.Clone(script)
		script[at] = b
		return script
	}
	last := len(multi(1, 1, 2)) - 1
	for _, c := range []struct {
		name   string
		script []byte
		want   string // what it is taken for, or how it is refused
		ok     bool
	}{
		{"the public signet's", unhex(t, publicScript), "1-of-2 multisig", true},
		{"the example of BIP-0325", unhex(t, "512103ad5e0edad18cb1f0fc0d28a3d4f1f3e445640337489abb10404f2d1e086be43051ae"), "1-of-1 multisig", true},
		{"one key", single(1), "one key", true},
		{"3 of 3", multi(3, 1, 2, 3), "3-of-3 multisig", true},
		{"15 of 15", multi(15, sixteen[:15]...), "15-of-15 multisig", true},
		{"16 of 16", multi(16, sixteen...), "16-of-16 multisig", true},
		{"16 of 17", append(multi(16, append(slices.Clone(sixteen), 17)...)[:1+17*34], 1, 17, 0xae), "a multisig", false},
		{"2 of 1", multi(2, 1), "a multisig", false},
		{"0 of 1", change(multi(1, 1), 0, 0), "a multisig", false},
		{"count of fewer keys", change(multi(1, 1, 2), last-1, 0x51), "a multisig", false},
		{"count of more keys", change(multi(1, 1, 2), last-1, 0x53), "a multisig", false},
		{"OP_CHECKMULTISIGVERIFY", change(multi(1, 1, 2), last, 0xaf), "another script of 71 bytes", false},
		{"a byte more", append(multi(1, 1, 2), 0x51), "another script of 72 bytes", false},
		{"a key without its check", single(1)[:34], "another script of 34 bytes", false},
		{"two keys and one check", slices.Concat(single(1)[:34], single(2)), "another script of 69 bytes", false},
		{"no keys", []byte{0x51, 0x51, 0xae}, "a multisig", false},
		{"nothing", nil, "empty", false},
		{"OP_TRUE", []byte{0x51}, "OP_TRUE", false},
		{"uncompressed key", append(append([]byte{65, 4}, make([]byte, 64)...), 0xac), "one uncompressed key", false},
		{"key hash", append(append([]byte{0x76, 0xa9, 20}, make([]byte, 20)...), 0x88, 0xac), "a key's hash", false},
		{"script hash", append(append([]byte{0xa9, 20}, make([]byte, 20)...), 0x87), "a script's hash", false},
		{"witness key hash", append([]byte{0, 20}, make([]byte, 20)...), "a witness key's hash", false},
		{"witness script hash", append([]byte{0, 32}, make([]byte, 32)...), "a witness script's hash", false},
		{"taproot", append([]byte{0x51, 32}, make([]byte, 32)...), "taproot", false},
		{"no point of the curve", noPoint, "key 02ffff", false},
		{"another prefix", otherPrefix, "key 05", false},
	} {
		challenge, err := signet.Parse(c.script)
		if (err == nil) != c.ok || err != nil && (!errors.Is(err, signet.ErrChallenge) || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%s: got %v, want %s", c.name, err, c.want)
		}
		if err == nil && (challenge.String() != c.want || !bytes.Equal(challenge.Script(), c.script)) {
			t.Errorf("%s: taken for %s", c.name, challenge)
		}
	}
}

// Whatever is cut off a challenge, the rest is none.
func TestParseTruncated(t *testing.T) {
	script := multi(2, 1, 2, 3)
	for n := range script {
		if c, err := signet.Parse(script[:n]); err == nil {
			t.Errorf("cut at %d: %s", n, c)
		}
	}
}

// A challenge is a copy.
func TestParseCopies(t *testing.T) {
	script := single(1)
	c := parse(t, script)
	clear(script)
	if !bytes.Equal(c.Script(), single(1)) {
		t.Error("the challenge changed with its script")
	}
}

// FuzzParse: what is taken has its form.
func FuzzParse(f *testing.F) {
	f.Add(unhex(f, publicScript))
	f.Add(single(1))
	f.Add([]byte{0x51, 0x51, 0xae})
	f.Fuzz(func(t *testing.T, script []byte) {
		c, err := signet.Parse(script)
		if err != nil {
			if !errors.Is(err, signet.ErrChallenge) {
				t.Error(err)
			}
			return
		}
		closing := byte(0xac)
		if c.String() != "one key" {
			closing = 0xae
		}
		if script[len(script)-1] != closing || !bytes.Equal(c.Script(), script) {
			t.Errorf("%x taken for %s", script, c)
		}
	})
}

// FuzzSolution holds solutions to btcd's script engine, which knows all operations: what
// is accepted here it accepts, and what it accepts is accepted here if it is of pushes.
func FuzzSolution(f *testing.F) {
	plain := append(slices.Clone(commitment), pushOf(nil)...)
	challenges := [][]byte{single(1), multi(1, 1, 2), multi(2, 1, 2, 3)}
	for which, challenge := range challenges {
		signatures := sign(f, challenge, plain, 1, 1, 2, 3)
		f.Add(uint8(which), pushes(signatures[0]))
		f.Add(uint8(which), pushes([]byte{}, signatures[1]))
		f.Add(uint8(which), pushes([]byte{}, signatures[0], signatures[2]))
		f.Add(uint8(which), append([]byte{0x4f, 0x60, 0x4c, 1, 1}, pushes(signatures[0])...))
	}
	f.Fuzz(func(t *testing.T, which uint8, scriptSig []byte) {
		if len(scriptSig) > 240 { // what pushOf can carry
			return
		}
		challenge := challenges[int(which)%len(challenges)]
		err := blockOf(append(slices.Clone(commitment), pushOf(solutionOf(scriptSig))...)).check(parse(t, challenge))
		if btcd := btcdAccepts(t, challenge, plain, scriptSig); (err == nil) != btcd && !errors.Is(err, signet.ErrForm) {
			t.Errorf("%x: %v, btcd accepts %v", scriptSig, err, btcd)
		}
	})
}
