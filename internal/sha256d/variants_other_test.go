//go:build !amd64

package sha256d

// archVariants returns no more: there are no kernels for this processor.
func archVariants() []Variant { return nil }
