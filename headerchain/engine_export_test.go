package headerchain

import "blockgate/internal/sha256d"

// Engine is one way to hash headers, for the benchmarks and for tests that hold
// all ways to one answer.
type Engine struct {
	Name string
	// Absent says why the engine is not here: the processor or the operating system
	// lacks what it needs. It is empty if the engine can be used.
	Absent string
	// Use makes a chain hash by the engine; nil if it is absent.
	Use func(*Chain)
}

// Engines returns all engines that there are, fastest first.
func Engines() []Engine {
	var all []Engine
	for _, e := range []sha256d.Engine{sha256d.EngineAVX512, sha256d.EngineSHANI, sha256d.EngineGo} {
		if ok, missing := e.Available(); !ok {
			all = append(all, Engine{Name: e.String(), Absent: "engine " + e.String() + " needs " + missing})
			continue
		}
		all = append(all, Engine{Name: e.String(), Use: func(c *Chain) { c.SetEngine(e) }})
	}
	return all
}
