package bip324

import (
	"crypto/sha512"
	"fmt"

	"github.com/btcsuite/btcd/btcec/v2"
	"github.com/btcsuite/btcd/btcec/v2/ellswift"
)

// key is our private key of one connection and its encoded public key.
type key struct {
	private *btcec.PrivateKey
	public  [KeySize]byte
}

// newKey makes a key from randomness that is used for nothing else.
func newKey(entropy *[EntropySize]byte) (key, error) {
	var scalar btcec.ModNScalar
	if scalar.SetByteSlice(entropy[:secretSize]) || scalar.IsZero() {
		return key{}, ErrEntropy
	}
	var point btcec.JacobianPoint
	btcec.ScalarBaseMultNonConst(&scalar, &point)
	point.ToAffine()
	public, found := encode(&point.X, (*[secretSize]byte)(entropy[secretSize:]))
	if !found {
		return key{}, ErrEntropy
	}
	return key{btcec.PrivKeyFromScalar(&scalar), public}, nil
}

// encode returns one of the about 2^256 encodings of a point's x, all of them as
// likely. Each u has 0 to 8 encodings, so u and which of the 8 are drawn together
// until that one is there.
func encode(x *btcec.FieldVal, seed *[secretSize]byte) (public [KeySize]byte, found bool) {
	drawn := sha512.Sum512(seed[:])
	for range maxEncodings {
		var u btcec.FieldVal
		u.SetByteSlice(drawn[:secretSize])
		u.Normalize()
		branch := int(drawn[secretSize] & 7)
		if t := ellswift.XSwiftECInv(&u, x, branch); t != nil {
			u.PutBytesUnchecked(public[:secretSize])
			t.PutBytesUnchecked(public[secretSize:])
			return public, true
		}
		drawn = sha512.Sum512(drawn[:])
	}
	return public, false
}

// agree returns the secret that both keys make, and forgets the private one.
func (k *key) agree(theirs *[KeySize]byte, role Role) ([secretSize]byte, error) {
	shared, err := ellswift.V2Ecdh(k.private, *theirs, k.public, role == Initiator)
	k.private.Zero()
	k.private = nil
	if err != nil {
		return [secretSize]byte{}, fmt.Errorf("%w: %w", ErrKey, err)
	}
	return *shared, nil
}
