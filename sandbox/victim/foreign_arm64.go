//go:build linux && victim

package main

// onArchitecture are attempts by what only this architecture has: none.
func onArchitecture() []attempt { return nil }
