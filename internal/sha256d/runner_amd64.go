package sha256d

// newRunner returns what runs the hasher's engine.
func (h *Hasher) newRunner() runner {
	switch h.engine {
	case EngineAVX512:
		w := &wide{portable: &h.portable}
		if ok, _ := EngineSHANI.Available(); ok {
			w.streams = &streams{}
		}
		return w
	case EngineSHANI:
		return &streams{}
	default:
		return &h.portable
	}
}
