package adapter

import "time"

// clock tells the brain the time: that of the wall clock, without its faults. It never
// goes back and never stands still, and after a correction of the machine's clock it
// runs slower or faster, between half and half as fast again, until it agrees; only a
// step of more than [clockStep] ahead it does at once, since the machine slept or began
// with no idea of the time.
//
// What it tells has no monotonic reading and is whole microseconds: all that the brain
// goes by can be written down, and so be replayed.
type clock struct {
	told time.Time // no monotonic reading
	last time.Time // as the machine said, with one
}

// at takes what the machine's clock says and returns what the brain is told.
func (c *clock) at(machine time.Time) time.Time {
	wall, passed := machine.Round(0), machine.Sub(c.last)
	ahead := wall.Sub(c.told.Add(passed))
	switch {
	case c.last.IsZero() || ahead > clockStep:
		c.told = wall
	case ahead >= 0:
		c.told = c.told.Add(passed + min(ahead, passed/2))
	default:
		c.told = c.told.Add(passed + max(ahead, -passed/2))
	}
	c.last = machine
	return c.told.Truncate(time.Microsecond).UTC()
}
