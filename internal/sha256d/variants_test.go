package sha256d

// Variant is one way to hash that the tests hold to crypto/sha256.
type Variant struct {
	Name string
	// Missing says why it cannot run here, empty if it can.
	Missing string
	Make    func() *Hasher
}

// Variants returns all engines, and those that stand in for processors of other kinds.
func Variants() []Variant {
	var all []Variant
	for e := range Engine(engineCount) {
		_, missing := e.Available()
		all = append(all, Variant{e.String(), missing, func() *Hasher { return NewEngine(e) }})
	}
	return append(all, append(archVariants(), Variant{"go-by-sums", "", newBySums})...)
}

// newBySums returns a hasher for a crypto/sha256 whose state is laid out otherwise.
func newBySums() *Hasher {
	h := NewEngine(EngineGo)
	h.portable.appender = nil
	return h
}
