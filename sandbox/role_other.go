//go:build !linux

package sandbox

// ConfineRole returns a [*MissingError]: only Linux has the layers.
func ConfineRole(Role) (Report, error) {
	r := Report{Build: BuildID(), Layers: Probe()}
	return r, r.missing()
}

// AttestRole returns [ErrNotConfined]: only Linux has the layers.
func AttestRole(int) (Layer, error) { return Layer{}, ErrNotConfined }

// ConfineSupervisor returns a [*MissingError]: only Linux has the layers.
func ConfineSupervisor() (Report, error) { return ConfineRole(Role{}) }
