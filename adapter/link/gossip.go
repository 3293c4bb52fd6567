package link

import (
	"strconv"
	"time"
)

// gossips says which messages tell of what was not asked for: they cost whoever hears them
// something, and an honest peer sends few.
var gossips = map[Command]bool{ //nolint:gochecknoglobals // a table, never written
	CommandOf("inv"): true, CommandOf("addr"): true, CommandOf("addrv2"): true,
}

// heard counts a message that passes, and its bytes if it is gossip.
func (f *flood) heard(now time.Time, m message) error {
	if n := f.passed.add(now, 1); n > MaxMessages {
		return &EndError{ReasonMessageFlood, strconv.Itoa(n) + " messages in a minute, last " + m.String()}
	}
	if !gossips[m.command] {
		return nil
	}
	if n := f.gossip.add(now, int(m.size)); n > MaxGossipBytes {
		return &EndError{ReasonUselessBytes, strconv.Itoa(n) + " bytes of gossip in a minute, last " + m.String()}
	}
	return nil
}

// take reads a message whole and hands its payload to Config.Take, not to the engine.
func (c *Conn) take(m message) error {
	if c.cfg.Take == nil {
		return c.drop(m)
	}
	payload, err := c.control(m)
	if err != nil {
		return err
	}
	c.frame = nil
	if err := c.unhurried(); err != nil {
		return err
	}
	if err := c.cfg.Take(m.command, payload); err != nil {
		return &EndError{ReasonMalformed, m.String() + ": " + printable(err.Error())}
	}
	return nil
}
