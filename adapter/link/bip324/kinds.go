package bip324

import "errors"

// Kinds of errors. The first group says what the peer did, and ends the
// connection: each later call returns the same. The second is about a message,
// and costs nothing. The third is ours.
var (
	// ErrV1 says that the peer speaks the v1 transport: its first 16 bytes begin
	// a version message of our network. No byte of ours has been sent then, if we
	// are the responder.
	ErrV1 = errors.New("peer speaks the v1 transport")
	// ErrOtherNetwork says that the first 16 bytes begin a version message of
	// another network.
	ErrOtherNetwork = errors.New("peer speaks the v1 transport of another network")
	// ErrGarbage says that no terminator came within [MaxGarbage] bytes.
	ErrGarbage = errors.New("no garbage terminator")
	// ErrOversize says that a packet is longer than it may be now.
	ErrOversize = errors.New("packet is too long")
	// ErrDecoys says that the packets before the version packet are too many.
	ErrDecoys = errors.New("too many decoys in the handshake")
	// ErrAuthentication says that a packet is not what was sealed.
	ErrAuthentication = errors.New("packet is not authentic")
	// ErrKey says that no point of the curve belongs to the peer's key. It is not
	// known to be possible.
	ErrKey = errors.New("peer's key is no point")
)

// Kinds of errors of contents.
var (
	// ErrEmpty says that contents are empty: they hold no message.
	ErrEmpty = errors.New("contents are empty")
	// ErrShortCommand says that contents end within their command.
	ErrShortCommand = errors.New("contents end in the command")
	// ErrUnknownID says that no command is known for a short id.
	ErrUnknownID = errors.New("unknown short id")
)

// Kinds of errors of the caller.
var (
	// ErrEntropy says that the randomness makes no private key, which happens
	// once in 2^128 times.
	ErrEntropy = errors.New("entropy makes no private key")
	// ErrConfig says that a handshake was asked for more than it may send.
	ErrConfig = errors.New("configuration out of bounds")
	// ErrOrder says that a call came out of order.
	ErrOrder = errors.New("call out of order")
)
