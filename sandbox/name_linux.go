package sandbox

import (
	"fmt"
	"os"
)

// SetProcessName gives this process the name that ps shows; the kernel keeps its
// first 15 bytes. A process that was started as /proc/self/exe or by a
// descriptor has no name of its own. It must be called before [Confine].
func SetProcessName(name string) error {
	if err := os.WriteFile("/proc/self/comm", []byte(name), 0); err != nil {
		return fmt.Errorf("set process name: %w", err)
	}
	return nil
}
