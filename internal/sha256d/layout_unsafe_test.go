//go:build amd64

package sha256d

import (
	"testing"
	"unsafe"
)

// TestLayout wants the fields of lanes where the generator says that they are, in
// gen/layout.go.
func TestLayout(t *testing.T) {
	var l lanes
	for _, field := range []struct {
		name      string
		got, want uintptr
	}{
		{"state", unsafe.Offsetof(l.state), 0},
		{"where", unsafe.Offsetof(l.where), 1024},
		{"left", unsafe.Offsetof(l.left), 1152},
		{"blocks", unsafe.Offsetof(l.blocks), 1280},
		{"bits", unsafe.Offsetof(l.bits), 1408},
		{"head", unsafe.Offsetof(l.head), 1536},
		{"first", unsafe.Offsetof(l.first), 1664},
		{"id", unsafe.Offsetof(l.id), 1792},
		{"pending", unsafe.Offsetof(l.pending), 1920},
		{"pendingID", unsafe.Offsetof(l.pendingID), 3968},
		{"pendingCount", unsafe.Offsetof(l.pendingCount), 4224},
		{"next", unsafe.Offsetof(l.next), 4232},
		{"end", unsafe.Offsetof(l.end), 4240},
		{"stride", unsafe.Offsetof(l.stride), 4248},
		{"busy", unsafe.Offsetof(l.busy), 4256},
		{"window", unsafe.Offsetof(l.window), 4264},
	} {
		if field.got != field.want {
			t.Errorf("%s is at %d, the kernels want it at %d", field.name, field.got, field.want)
		}
	}
}
