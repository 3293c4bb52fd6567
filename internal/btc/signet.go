package btc

import (
	"bytes"
	"encoding/binary"
	"fmt"
)

// MaxSignetChallenge is the most bytes that the challenge of a signet may have: a
// longer script can never be met.
//
// Source: MAX_SCRIPT_SIZE, Bitcoin Core v30.0 src/script/script.h.
const MaxSignetChallenge = 10_000

// CustomSignet returns the constants of the signet whose blocks meet challenge, a
// script: those of [Signet], but for its own magic (BIP-0325), with no minimum work
// and no seeds. For the challenge of the public signet it returns those of [Signet].
// The rules for headers, genesis among them, are the same on all signets, and so is
// the name of the network. The challenge is copied.
//
// The error says that challenge is empty or longer than [MaxSignetChallenge].
//
// Source: SigNetParams, Bitcoin Core v30.0 src/kernel/chainparams.cpp.
func CustomSignet(challenge []byte) (*Params, error) {
	if len(challenge) == 0 || len(challenge) > MaxSignetChallenge {
		return nil, fmt.Errorf("signet challenge of %d bytes: want 1..%d", len(challenge), MaxSignetChallenge)
	}
	public := Signet.Params()
	if bytes.Equal(challenge, public.SignetChallenge) {
		return public, nil
	}
	custom := *public
	custom.SignetChallenge = bytes.Clone(challenge)
	custom.Magic = signetMagic(challenge)
	custom.MinimumChainWork, custom.DNSSeeds = Work{}, nil
	return &custom, nil
}

// signetMagic returns the first four bytes of the double SHA-256 of a challenge and
// its length before it (BIP-0325, "Message Start").
func signetMagic(challenge []byte) uint32 {
	hash := DoubleSHA256(append(AppendCompactSize(nil, uint64(len(challenge))), challenge...))
	return binary.LittleEndian.Uint32(hash[:])
}
