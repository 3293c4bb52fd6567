package link

import (
	"strconv"
	"time"

	"blockgate/internal/btc"
)

// flood counts what a peer may send only so much of in a minute. The zero flood is
// ready. Its errors, each an *[EndError], end the connection.
type flood struct {
	pings, unasked, dropped, passed, gossip meter
}

func (f *flood) ping(now time.Time) error {
	if n := f.pings.add(now, 1); n > MaxPings {
		return &EndError{ReasonPingFlood, strconv.Itoa(n) + " pings in a minute"}
	}
	return nil
}

func (f *flood) unaskedBlock(now time.Time, hash btc.Hash) error {
	if n := f.unasked.add(now, 1); n > MaxUnaskedBlocks {
		return &EndError{ReasonUnaskedBlocks, strconv.Itoa(n) + " in a minute, last " + hash.String()}
	}
	return nil
}

func (f *flood) drop(now time.Time, m message) error {
	if n := f.dropped.add(now, frameHeaderSize+int(m.size)); n > MaxDroppedBytes {
		return &EndError{ReasonUselessBytes, m.String()}
	}
	return nil
}
