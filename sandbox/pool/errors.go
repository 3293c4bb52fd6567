package pool

import (
	"errors"

	"blockgate/sandbox/claim"
)

// The reasons for which a block came back unproven, besides those of claim. None
// blames a peer: the body is bad or the parser is.
var (
	// ErrMalformed says that the worker could not walk the block. The error is a
	// [*claim.MalformedError] with the worker's verdict.
	ErrMalformed = claim.ErrMalformed
	// ErrWorkerDied says that the worker ended before it had answered.
	ErrWorkerDied = errors.New("parser died")
	// ErrWorkerHung says that the worker did not answer before the deadline.
	ErrWorkerHung = errors.New("parser hung")
	// ErrWorkerNonsense says that the worker sent what no parser of ours sends.
	ErrWorkerNonsense = errors.New("parser answered nonsense")
	// ErrOther says that other bytes are the block: nobody needs to know what these are.
	// It says so of the bytes, and a worker has no part in it.
	ErrOther = errors.New("other bytes are the block")
	// ErrDisagree says that one worker called a rule broken that another, as fresh,
	// does not: a worker lies, or ours is no function of its input.
	ErrDisagree = errors.New("parsers disagree")
	// ErrNoFresh says that a second opinion was due and no fresh worker came in time.
	ErrNoFresh = errors.New("no fresh parser")
	// ErrClosed says that the pool is closed.
	ErrClosed = errors.New("pool is closed")
)
