package main

import (
	"encoding/hex"
	"testing"

	"blockgate/adapter/fakepeer"
	"blockgate/internal/btc"
)

// TestCustomSignet runs the service on a signet of its own: it talks to the peer of
// that challenge, and to no peer of another one or of the public signet.
func TestCustomSignet(t *testing.T) {
	t.Parallel()
	ours := customSignet(t, oneKey)
	chain := regtest(t, 95, 3) // what the peers serve does not matter here
	same := listen(t, 95, chain, fakepeer.Script{Params: ours})
	other := listen(t, 96, chain, fakepeer.Script{Params: customSignet(t, anotherKey)})
	public := listen(t, 97, chain, fakepeer.Script{Params: btc.Signet.Params()})
	args := append(connectTo(same, other, public), "--network", "signet", "--signet-challenge", hex.EncodeToString(ours.SignetChallenge))
	d := startDaemon(t, t.TempDir(), args...)
	d.await("the peer of our signet", 0, func(r record) bool { return r.Msg == "peer ready" && r.Peer == same.Addr().String() })
	for _, peer := range []*fakepeer.Peer{other, public} {
		at := peer.Addr().String()
		d.await("the end of another's connection", 0, func(r record) bool { return r.Msg == "peer gone" && r.Peer == at })
		if peer.Stats().Handshakes > 0 {
			t.Errorf("%s: a handshake with another signet", at)
		}
	}
	eventually(t, "handshake with our signet", func() bool { return same.Stats().Handshakes > 0 })
	if code := d.stop(); code != 0 {
		t.Errorf("exit code %d", code)
	}
}

// Challenges of one key each: the first two multiples of the curve's generator.
const (
	oneKey     = "210279be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798ac"
	anotherKey = "2102c6047f9441ed7d6d3045406e95c07cd85c778e4b8cef3ca7abac09b95c709ee5ac"
)

func customSignet(t *testing.T, challenge string) *btc.Params {
	t.Helper()
	script, err := hex.DecodeString(challenge)
	if err != nil {
		t.Fatal(err)
	}
	params, err := btc.CustomSignet(script)
	if err != nil {
		t.Fatal(err)
	}
	return params
}

// The adapter gets the challenge in its settings, for the magic now and for the
// blocks' own rule.
func TestAdapterParams(t *testing.T) {
	for _, test := range []struct {
		network   btc.Network
		challenge []byte
		want      *btc.Params // nil: refused
	}{
		{btc.Mainnet, nil, btc.Mainnet.Params()},
		{btc.Signet, nil, btc.Signet.Params()},
		{btc.Signet, btc.Signet.Params().SignetChallenge, btc.Signet.Params()},
		{btc.Signet, customSignet(t, oneKey).SignetChallenge, customSignet(t, oneKey)},
		{btc.Mainnet, customSignet(t, oneKey).SignetChallenge, nil},
		{btc.Signet, []byte{0x51}, nil}, // nobody could judge its blocks
	} {
		c := adapterConfig{Network: test.network, Challenge: test.challenge}
		params, challenge, err := c.params()
		if err == nil && (challenge != nil) != (test.network == btc.Signet) {
			t.Errorf("%s, %x: challenge %v", test.network, test.challenge, challenge)
		}
		if (err == nil) != (test.want != nil) || err == nil && (params.Magic != test.want.Magic || string(params.SignetChallenge) != string(test.want.SignetChallenge)) {
			t.Errorf("%s, %x: %+v, %v", test.network, test.challenge, params, err)
		}
	}
}
