package sha256d

// lacking says for each engine what this machine lacks to run it, nothing if it
// can run.
//
//nolint:gochecknoglobals // a table, never written
var lacking = [engineCount]string{EngineSHANI: "not built yet", EngineAVX512: "not built yet"}
