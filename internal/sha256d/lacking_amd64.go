package sha256d

// lacking says for each engine what this machine lacks to run it, nothing if it
// can run.
//
//nolint:gochecknoglobals // a table, never written
var lacking = missing(thisMachine())

// thisMachine asks the processor.
func thisMachine() (f features) {
	f.ecx1, f.ebx7, f.xcr0 = readFeatures()
	return f
}
