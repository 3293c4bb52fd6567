package sandbox

import (
	"os"
	"slices"
	"testing"
)

// TestAcceptAlone: a role that accepts where it listens already cannot make a new
// address.
func TestAcceptAlone(t *testing.T) {
	calls := func(role Role) (names []string) {
		for _, r := range rolePolicy(os.Getpid(), role) {
			if r.action == allow && !slices.Contains(names, r.name) {
				names = append(names, r.name)
			}
		}
		return names
	}
	for _, c := range []struct {
		name            string
		role            Role
		accepts, listen bool
	}{
		{"nothing", Role{}, false, false},
		{"connects", Role{AnyPort: true}, false, false},
		{"accepts", Role{AnyPort: true, Accept: true}, true, false},
		{"listens", Role{Listen: []uint16{1}}, true, true},
		{"both", Role{Listen: []uint16{1}, Accept: true}, true, true},
	} {
		names := calls(c.role)
		if slices.Contains(names, "accept4") != c.accepts || slices.Contains(names, "bind") != c.listen || slices.Contains(names, "listen") != c.listen {
			t.Errorf("%s: %q", c.name, names)
		}
	}
}
