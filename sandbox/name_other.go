//go:build !linux

package sandbox

// SetProcessName does nothing: the system has no name to set.
func SetProcessName(string) error { return nil }
