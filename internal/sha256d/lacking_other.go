//go:build !amd64

package sha256d

// lacking says for each engine what this machine lacks to run it.
//
//nolint:gochecknoglobals // a table, never written
var lacking = [engineCount]string{
	EngineSHANI:  "an amd64 processor",
	EngineAVX512: "an amd64 processor",
}
