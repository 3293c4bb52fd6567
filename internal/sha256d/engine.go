package sha256d

import (
	"fmt"
	"strings"
)

// Engine is a way to run SHA-256. All of them give the same hashes.
type Engine uint8

// The engines, slowest first.
const (
	// EngineGo is package crypto/sha256, one message at a time. It runs everywhere.
	EngineGo Engine = iota
	// EngineSHANI runs two messages at a time on the SHA extensions of amd64.
	EngineSHANI
	// EngineAVX512 runs 32 messages at a time in the 16 lanes of two sets of
	// vectors, and a message that is far longer than the others on the SHA
	// extensions, if the processor has them.
	EngineAVX512

	engineCount = iota
)

// engineNames are what users write.
//
//nolint:gochecknoglobals // a table, never written
var engineNames = [engineCount]string{"go", "shani", "avx512"}

// String returns the name that [ParseEngine] takes.
func (e Engine) String() string {
	if int(e) >= len(engineNames) {
		return fmt.Sprintf("engine %d", uint8(e))
	}
	return engineNames[e]
}

// Available reports whether this processor and this operating system can run the
// engine, and if not, what is missing.
func (e Engine) Available() (ok bool, missing string) {
	if int(e) >= len(lacking) {
		return false, "no such engine"
	}
	return lacking[e] == "", lacking[e]
}

// Engines returns the engines that can run here, slowest first. [EngineGo] is
// always the first.
func Engines() []Engine {
	var all []Engine
	for e := range Engine(engineCount) {
		if ok, _ := e.Available(); ok {
			all = append(all, e)
		}
	}
	return all
}

// Best returns the fastest engine that can run here.
func Best() Engine {
	all := Engines()
	return all[len(all)-1]
}

// ParseEngine returns the engine that a user names: "go", "shani", "avx512", or
// "auto" for [Best]. An engine that cannot run here is an error that says what is
// missing.
func ParseEngine(s string) (Engine, error) {
	if s == "auto" {
		return Best(), nil
	}
	for i, name := range engineNames {
		if name != s {
			continue
		}
		if ok, missing := Engine(i).Available(); !ok {
			return 0, fmt.Errorf("engine %s cannot run here: %s", s, missing)
		}
		return Engine(i), nil
	}
	return 0, fmt.Errorf("no engine %q: know auto, %s", s, strings.Join(engineNames[:], ", "))
}
