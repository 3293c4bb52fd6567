package headerchain

// Engine is one way to hash headers, for the benchmarks and for tests that hold
// all ways to one answer.
type Engine struct {
	Name string
	// Absent says why the engine is not here: it is not built in, or the processor
	// lacks what it needs. It is empty if the engine can be used.
	Absent string
	// Use makes a chain hash by the engine; nil if it is absent.
	Use func(*Chain)
}

// Engines returns all engines that there are to be, fastest first. An engine is
// one line here.
func Engines() []Engine {
	return []Engine{
		{Name: "avx512", Absent: "engine avx512 is not built in"},
		{Name: "shani", Absent: "engine shani is not built in"},
		{Name: "go", Use: func(c *Chain) { c.hasher = newHasher() }},
	}
}
