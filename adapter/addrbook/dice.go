package addrbook

// dice is SplitMix64: repeatable, so that a run can be replayed from its seed. What
// must not be guessed hangs on [Config.Secret], not on it.
//
// Source: Steele, Lea, Flood, "Fast splittable pseudorandom number generators", 2014.
type dice struct{ state uint64 }

func (d *dice) roll() uint64 {
	d.state += 0x9e3779b97f4a7c15
	z := d.state
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

// below returns a number from 0 to n-1; n is at least 1.
func (d *dice) below(n int) int { return int(d.roll() % uint64(n)) }
