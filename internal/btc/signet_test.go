package btc_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"reflect"
	"testing"

	"github.com/btcsuite/btcd/chaincfg/v2"

	"blockgate/internal/btc"
)

func mustHex(t *testing.T, text string) []byte {
	t.Helper()
	b, err := hex.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

const publicChallenge = "512103ad5e0edad18cb1f0fc0d28a3d4f1f3e445640337489abb10404f2d1e086be430" +
	"210359ef5021964fe22d6f8e05b2463c9540ce96883fe3b278760f048f5189f2e6c452ae"

// The magic as the first four bytes of a message. The first two rows stand in
// BIP-0325 and in Bitcoin Core. The others are worked out here, on each side of the
// length at which CompactSize takes three bytes; btcd takes one byte for any length,
// so it agrees with Core below that only.
func TestSignetMagic(t *testing.T) {
	long := func(size int) string { return hex.EncodeToString(bytes.Repeat([]byte{0x61}, size)) }
	worked := func(prefixed string) string {
		once := sha256.Sum256(mustHex(t, prefixed))
		twice := sha256.Sum256(once[:])
		return hex.EncodeToString(twice[:4])
	}
	for _, test := range []struct{ name, challenge, want string }{
		{"the example of BIP-0325", "512103ad5e0edad18cb1f0fc0d28a3d4f1f3e445640337489abb10404f2d1e086be43051ae", "7ec653a5"},
		{"the public signet", publicChallenge, "0a03cf40"},
		{"OP_TRUE", "51", worked("0151")},
		{"252 bytes", long(252), worked("fc" + long(252))},
		{"253 bytes", long(253), worked("fdfd00" + long(253))},
		{"the longest", long(btc.MaxSignetChallenge), worked("fd1027" + long(btc.MaxSignetChallenge))},
	} {
		challenge := mustHex(t, test.challenge)
		p, err := btc.CustomSignet(challenge)
		if err != nil {
			t.Fatalf("%s: %v", test.name, err)
		}
		got := hex.EncodeToString(binary.LittleEndian.AppendUint32(nil, p.Magic))
		if got != test.want {
			t.Errorf("%s: magic %s, want %s", test.name, got, test.want)
		}
		theirs := chaincfg.CustomSignetParams(challenge, nil)
		if len(challenge) < 253 && uint32(theirs.Net) != p.Magic {
			t.Errorf("%s: magic %08x, btcd says %08x", test.name, p.Magic, uint32(theirs.Net))
		}
	}
}

// A custom signet differs from the public one in what BIP-0325 and Core let differ.
func TestCustomSignet(t *testing.T) {
	challenge := []byte{0x51}
	custom, err := btc.CustomSignet(challenge)
	if err != nil {
		t.Fatal(err)
	}
	challenge[0] = 0
	if !bytes.Equal(custom.SignetChallenge, []byte{0x51}) {
		t.Errorf("challenge %x is the caller's", custom.SignetChallenge)
	}
	if custom.MinimumChainWork != (btc.Work{}) || custom.DNSSeeds != nil || custom.Magic == btc.Signet.Params().Magic {
		t.Errorf("work %v, seeds %q, magic %08x", custom.MinimumChainWork, custom.DNSSeeds, custom.Magic)
	}
	same, public := *custom, btc.Signet.Params()
	same.SignetChallenge, same.Magic, same.MinimumChainWork, same.DNSSeeds = public.SignetChallenge, public.Magic, public.MinimumChainWork, public.DNSSeeds
	if !reflect.DeepEqual(&same, public) {
		t.Errorf("%+v\nwant\n%+v", same, *public)
	}
	if got, err := btc.CustomSignet(mustHex(t, publicChallenge)); err != nil || got != public {
		t.Errorf("the public challenge: %+v, %v", got, err)
	}
	for _, net := range btc.Networks() {
		if has := len(net.Params().SignetChallenge) > 0; has != (net == btc.Signet) {
			t.Errorf("%v: challenge %x", net, net.Params().SignetChallenge)
		}
	}
}

func TestSignetChallengeLimits(t *testing.T) {
	for size, ok := range map[int]bool{0: false, 1: true, btc.MaxSignetChallenge - 1: true, btc.MaxSignetChallenge: true, btc.MaxSignetChallenge + 1: false} {
		if p, err := btc.CustomSignet(make([]byte, size)); (err == nil) != ok || (p != nil) != ok {
			t.Errorf("%d bytes: %v", size, err)
		}
	}
}
