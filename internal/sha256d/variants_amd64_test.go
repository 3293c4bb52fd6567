package sha256d

// archVariants returns the AVX-512 engine of a processor that lacks the SHA
// extensions.
func archVariants() []Variant {
	_, missing := EngineAVX512.Available()
	return []Variant{{"avx512-without-shani", missing, func() *Hasher {
		h := NewEngine(EngineAVX512)
		h.runner = &wide{portable: &h.portable}
		return h
	}}}
}
