package sha256d

// newRunner returns what runs the hasher's engine.
func (h *Hasher) newRunner() runner {
	switch h.engine {
	case EngineGo:
		return &h.portable
	case EngineSHANI:
		return &streams{}
	case EngineAVX512:
		w := &wide{portable: &h.portable}
		if ok, _ := EngineSHANI.Available(); ok {
			w.streams = &streams{}
		}
		return w
	default:
		panic("sha256d: no such engine") // see NewEngine
	}
}
