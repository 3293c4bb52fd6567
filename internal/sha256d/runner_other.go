//go:build !amd64

package sha256d

// newRunner returns what runs the hasher's engine: there is one alone.
func (h *Hasher) newRunner() runner { return &h.portable }
