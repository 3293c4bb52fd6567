package bip324

import (
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
)

// direction is what one side needs to send, and the other to receive.
type direction struct {
	length     [secretSize]byte
	packet     [secretSize]byte
	terminator [TerminatorSize]byte
}

// secrets are all that both sides derive from what their keys make.
type secrets struct {
	id                   [secretSize]byte
	initiator, responder direction
}

// derive is the key schedule: HKDF-SHA256 with a salt of the network.
func derive(shared *[secretSize]byte, magic uint32) (*secrets, error) {
	salt := binary.LittleEndian.AppendUint32([]byte("bitcoin_v2_shared_secret"), magic)
	root, err := hkdf.Extract(sha256.New, shared[:], salt)
	if err != nil {
		return nil, fmt.Errorf("extract: %w", err)
	}
	defer clear(root)
	var (
		s           secrets
		terminators [2 * TerminatorSize]byte
	)
	for _, part := range []struct {
		into []byte
		info string
	}{
		{s.id[:], "session_id"},
		{s.initiator.length[:], "initiator_L"},
		{s.initiator.packet[:], "initiator_P"},
		{s.responder.length[:], "responder_L"},
		{s.responder.packet[:], "responder_P"},
		{terminators[:], "garbage_terminators"},
	} {
		derived, err := hkdf.Expand(sha256.New, root, part.info, len(part.into))
		if err != nil {
			return nil, fmt.Errorf("expand %s: %w", part.info, err)
		}
		copy(part.into, derived)
		clear(derived)
	}
	s.initiator.terminator = [TerminatorSize]byte(terminators[:])
	s.responder.terminator = [TerminatorSize]byte(terminators[TerminatorSize:])
	return &s, nil
}
