package signet

import (
	"errors"
	"fmt"

	"github.com/decred/dcrd/dcrec/secp256k1/v4"

	"blockgate/internal/btc"
)

// Challenge is a script that each block of a signet but genesis must meet: k
// signatures by different ones of n keys. Many goroutines may use one.
type Challenge struct {
	script []byte
	keys   []*secp256k1.PublicKey
	// need is how many signatures there must be. Invariant: 1 <= need <= len(keys).
	need int
	// multi: the script is a multisig, else one key.
	multi bool
}

// ErrChallenge says that a script is no challenge that this package can judge.
var ErrChallenge = errors.New("signet challenge is neither one compressed key nor bare k-of-n multisig")

// keySize is the length of a compressed key in bytes.
const keySize = secp256k1.PubKeyBytesLenCompressed

// Parse reads a challenge, which it copies:
//
//	33 KEY OP_CHECKSIG                           one signature by the key
//	k 33 KEY ... 33 KEY n OP_CHECKMULTISIG       k of n, 1 <= k <= n <= 16
//
// It returns [ErrChallenge], with the name of what the script is instead, for any
// other script, and for a key that is no point of the curve.
func Parse(script []byte) (*Challenge, error) {
	c := &Challenge{script: append([]byte(nil), script...)}
	rest, closing, count := c.script, byte(opCheckSig), 1
	if len(rest) > 0 && rest[0] >= op1 && rest[0] <= op16 {
		c.multi, c.need, rest = true, int(rest[0]-op1)+1, rest[1:]
	}
	for len(rest) > keySize && rest[0] == keySize && len(c.keys) < maxKeys {
		key, err := secp256k1.ParsePubKey(rest[1 : 1+keySize])
		if err != nil {
			return nil, fmt.Errorf("%w: key %x: %w", ErrChallenge, rest[1:1+keySize], err)
		}
		c.keys, rest = append(c.keys, key), rest[1+keySize:]
	}
	if c.multi && len(rest) > 0 {
		closing, count, rest = opCheckMultiSig, int(rest[0])-op1+1, rest[1:]
	} else {
		c.need = 1
	}
	if len(rest) != 1 || rest[0] != closing || len(c.keys) != count || c.need > count {
		return nil, fmt.Errorf("%w, but %s", ErrChallenge, nameOf(script))
	}
	return c, nil
}

// Public returns the challenge of the public signet: one of two keys.
func Public() *Challenge {
	c, err := Parse(btc.Signet.Params().SignetChallenge)
	if err != nil {
		panic(err) // a constant
	}
	return c
}

// Script returns the challenge as it stands. The caller must not write to it.
func (c *Challenge) Script() []byte { return c.script }

// String says what the challenge wants, for people.
func (c *Challenge) String() string {
	if !c.multi {
		return "one key"
	}
	return fmt.Sprintf("%d-of-%d multisig", c.need, len(c.keys))
}

// pushes returns how many elements the challenge puts on the stack: its keys, and the
// counts of a multisig.
func (c *Challenge) pushes() int {
	if c.multi {
		return len(c.keys) + 2
	}
	return len(c.keys)
}

// nameOf says what kind of script a challenge is that is not taken.
func nameOf(script []byte) string {
	begins := func(size int, prefix string) bool {
		return len(script) == size && string(script[:len(prefix)]) == prefix
	}
	switch {
	case len(script) == 0:
		return "empty"
	case begins(1, "\x51"):
		return "OP_TRUE"
	case begins(67, "\x41"):
		return "one uncompressed key"
	case begins(25, "\x76\xa9\x14"):
		return "pay to a key's hash"
	case begins(23, "\xa9\x14"):
		return "pay to a script's hash"
	case begins(22, "\x00\x14"):
		return "pay to a witness key's hash"
	case begins(34, "\x00\x20"):
		return "pay to a witness script's hash"
	case begins(34, "\x51\x20"):
		return "pay to taproot"
	case script[len(script)-1] == opCheckMultiSig:
		return "a multisig with other keys or counts"
	default:
		return fmt.Sprintf("another script of %d bytes", len(script))
	}
}
